using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Explanations;

/// <summary>One version of an event within the window's time, as a ledger keeps it.</summary>
internal sealed class EventVersionKept(byte[] record, RecordPlace place, EventOperation operation, long time, long arrival, long id, ulong flags, Value value)
{
    public byte[] Record => record;

    public RecordPlace Place => place;

    public EventOperation Operation => operation;

    public long Time => time;

    public long Arrival => arrival;

    /// <summary>As rows hold it: texts are codes.</summary>
    public long Id => id;

    /// <summary>As rows hold them: conditions that are fulfilled, columns that are null.</summary>
    public ulong Flags => flags;

    public Value Value => value;

    /// <summary>When its correction arrived; counts only where one has.</summary>
    public long SupersededAt { get; set; }

    /// <summary>The sequence of the record that corrected it; -1 while it stands.</summary>
    public long SupersededBy { get; set; } = -1;

    public Exclusion Exclusion { get; set; }
}
