using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.State;

/// <summary>What all entities of one type in one partition share: their plan, and how and where their rows are kept.</summary>
public sealed class EntityLayout
{
    private readonly long[] _floors;

    /// <param name="plan">What to keep and compute.</param>
    /// <param name="memory">Where; the partition's.</param>
    /// <param name="forgets">Whether events older than the retention leave; a training query keeps them all.</param>
    /// <param name="entityBudgetBytes">What the rows of one entity may take before the oldest are summed up.</param>
    /// <param name="floors">By stream: the newest event time of history that is missing, so that nothing may be computed from before it. Null or absent: history is whole.</param>
    public EntityLayout(EntityPlan plan, StateMemory memory, bool forgets = true, long entityBudgetBytes = long.MaxValue, IReadOnlyDictionary<uint, long>? floors = null)
    {
        _floors = [.. plan.Timelines.Select(timeline => floors is not null && floors.TryGetValue(timeline.Stream.Id, out long floor) ? floor : long.MinValue)];
        EntityBudgetBytes = entityBudgetBytes;
        Plan = plan;
        Memory = memory;
        Forgets = forgets;
        Timelines = [.. plan.Timelines.Select(timeline => new RowLayout(timeline, memory))];
        Readers = [.. Timelines.Select(layout => new RowReader(layout))];
    }

    public EntityPlan Plan { get; }

    /// <summary>The newest event time that new entities know nothing of; the smallest int64 where they know all.</summary>
    internal long FloorOf(int timeline) => _floors[timeline];

    /// <summary>Whether no history is missing for new entities.</summary>
    public bool KnowsAll => _floors.AsSpan().IndexOfAnyExcept(long.MinValue) < 0;

    public StateMemory Memory { get; }

    public bool Forgets { get; }

    public long EntityBudgetBytes { get; }

    /// <summary>How often an entity's oldest events have been summed up because it was over its budget.</summary>
    public long Compactions { get; private set; }

    /// <summary>How often that reached into event time that a feature declared exact.</summary>
    public long BrokenPromises { get; private set; }

    internal void CountCompaction(long exactMicros)
    {
        Compactions++;
        BrokenPromises += exactMicros > 0 ? 1 : 0;
    }

    internal RowLayout[] Timelines { get; }

    internal RowReader[] Readers { get; }
}
