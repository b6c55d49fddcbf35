using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>One event as a statistic sees it: its value is not null, unless the statistic is of the events themselves. The rank is that of the field that events are chosen by.</summary>
internal readonly record struct StatisticRow(long Time, EventId Id, Value Value, Value Rank = default)
{
    /// <summary>An int64, a bool as 0 or 1, or a double.</summary>
    public double Number => Value.Type == FieldType.Double ? Value.Double : Value.Bits;

    /// <summary>The order of events: by time, then by id.</summary>
    public int CompareTo(in StatisticRow other) => Time != other.Time ? Time.CompareTo(other.Time) : Id.CompareTo(other.Id);
}

/// <summary>
/// What remains of rows for one purpose. Merging two gives what adding all rows to one would have, to the precision that the statistic states.
/// </summary>
internal interface IStatistic
{
    /// <summary>Memory, in bytes, estimated; found by walking, not kept.</summary>
    long Bytes { get; }

    void Add(in StatisticRow row);

    /// <summary>Takes in the rows of another of the same plan, and shares nothing with it afterwards.</summary>
    void Merge(IStatistic other);

    /// <summary>Writes what <see cref="StatisticPlan.Load"/> reads, given the plan and the number of rows. Not of an empty one.</summary>
    void Save(StateWriter to);
}
