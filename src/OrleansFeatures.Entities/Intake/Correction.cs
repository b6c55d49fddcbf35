using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Entities.Intake;

/// <summary>One upsert or delete that waits in its batch until it can be resolved.</summary>
internal sealed class Correction(IntakeBatch batch, int number, StreamPlan stream, StreamVersion version, Value[] fields, EventIdIndex.IdKey id)
{
    private volatile bool _isFirst;

    /// <summary>Told when this correction has become first in its line.</summary>
    public IntakeBatch Batch => batch;

    /// <summary>Its place in <see cref="IntakeBatch.Corrections"/>.</summary>
    public int Number => number;

    public StreamPlan Stream => stream;

    public StreamVersion Version => version;

    /// <summary>By position of the version; of a delete only the id is not null.</summary>
    public Value[] Fields => fields;

    public EventIdIndex.IdKey Id => id;

    public required byte[] Producer { get; init; }

    public required EventOperation Operation { get; init; }

    /// <summary>As the producer states it; null: when it is resolved.</summary>
    public required EventTime? Arrival { get; init; }

    /// <summary>Whether every earlier correction of the same event is done with. Set by <see cref="CorrectionLines"/>.</summary>
    public bool IsFirst
    {
        get => _isFirst;
        set => _isFirst = value;
    }

    /// <summary>Where its primary record is among those of the part that it is appended with.</summary>
    public int Record { get; set; }
}
