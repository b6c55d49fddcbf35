using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.State;

/// <summary>What all entities of one type in one partition share: their plan, and how and where their rows are kept.</summary>
public sealed class EntityLayout
{
    /// <param name="plan">What to keep and compute.</param>
    /// <param name="memory">Where; the partition's.</param>
    /// <param name="forgets">Whether events older than the retention leave; a training query keeps them all.</param>
    public EntityLayout(EntityPlan plan, StateMemory memory, bool forgets = true)
    {
        Plan = plan;
        Memory = memory;
        Forgets = forgets;
        Timelines = [.. plan.Timelines.Select(timeline => new RowLayout(timeline, memory))];
        Readers = [.. Timelines.Select(layout => new RowReader(layout))];
    }

    public EntityPlan Plan { get; }

    public StateMemory Memory { get; }

    public bool Forgets { get; }

    internal RowLayout[] Timelines { get; }

    internal RowReader[] Readers { get; }
}
