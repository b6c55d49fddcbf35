using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>What became of the events of one push. Definite once the push is committed.</summary>
public sealed class PushOutcome(int count)
{
    private readonly long[] _counts = new long[4];
    private readonly List<PendingCorrection> _pending = [];
    private IntakeResult[]? _results;

    public int Count => count;

    public long Accepted => _counts[(int)IntakeResult.Accepted];

    public long Duplicates => _counts[(int)IntakeResult.Duplicate];

    public long Late => _counts[(int)IntakeResult.Late];

    public long Refused => _counts[(int)IntakeResult.Refused];

    /// <summary>By event; empty when every event was accepted.</summary>
    public ReadOnlySpan<IntakeResult> Results => _results;

    /// <summary>By index, once the push is committed.</summary>
    public List<PushRefusal> Refusals { get; } = [];

    /// <summary>The events that came too late for at least one view, or for every live value.</summary>
    internal List<LateNote> LateNotes { get; } = [];

    /// <summary>By partition: the offset through which a read must have come to see these events.</summary>
    public IReadOnlyDictionary<int, long> Positions { get; internal set; } = ImmutableDictionary<int, long>.Empty;

    /// <summary>What became of one event; a correction's result comes with <see cref="Resolve"/>. The times are the event's own, where it has one.</summary>
    internal void Add(int index, IntakeResult result, in IntakeNote note, EventTimes times)
    {
        if (result == IntakeResult.Pending)
        {
            _pending.Add(new PendingCorrection(index, note.Correction, times));
            return;
        }

        Set(index, result);
        if (note.Refusal is not null)
        {
            Refusals.Add(new PushRefusal(index, note.Refusal));
        }

        if (result == IntakeResult.Late)
        {
            LateNotes.Add(new LateNote(index, note.StreamTimeMicros, note.LateViews, times));
        }
    }

    internal void Refuse(int index, EventRefusal refusal)
    {
        Set(index, IntakeResult.Refused);
        Refusals.Add(new PushRefusal(index, refusal));
    }

    /// <summary>Takes in what the append has found out about corrections.</summary>
    internal void Resolve(IReadOnlyList<CorrectionOutcome> corrections)
    {
        foreach (PendingCorrection pending in _pending)
        {
            CorrectionOutcome outcome = corrections[pending.Correction];
            Add(pending.Index, outcome.Result, outcome.Note, pending.Times);
        }

        if (_pending.Count > 0)
        {
            _pending.Clear();
            Refusals.Sort((left, right) => left.Index.CompareTo(right.Index));
        }
    }

    private void Set(int index, IntakeResult result)
    {
        _counts[(int)result]++;
        if (result != IntakeResult.Accepted)
        {
            // Accepted is the array's zero, so what came before needs no filling in.
            (_results ??= new IntakeResult[count])[index] = result;
        }
    }
}

/// <summary>One event that was not taken.</summary>
public sealed record PushRefusal(int Index, EventRefusal Refusal);

/// <summary>One event that came too late, as intake notes it.</summary>
internal readonly record struct LateNote(int Index, long StreamTimeMicros, ReadOnlyMemory<ViewLateness> Views, EventTimes Times);

/// <summary>When an event happened and when it came, in microseconds; a delete may not say when its event happened, which is then 0.</summary>
internal readonly record struct EventTimes(long EventMicros, long ArrivalMicros);

internal readonly record struct PendingCorrection(int Index, int Correction, EventTimes Times);
