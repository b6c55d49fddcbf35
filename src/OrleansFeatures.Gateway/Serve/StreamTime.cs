using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>The streams' own time, seen from what reads them: the minimum, because an answer is only as complete as its slowest stream.</summary>
internal static class StreamTime
{
    /// <summary>Null while a stream of the entity type has not brought any event.</summary>
    public static long? Of(EntityPlan entity, IEntityHost host)
    {
        long slowest = long.MaxValue;
        foreach (TimelinePlan timeline in entity.Timelines)
        {
            if (host.StreamTimeMicros(timeline.Stream) is not { } time)
            {
                return null;
            }

            slowest = Math.Min(slowest, time);
        }

        return slowest == long.MaxValue ? null : slowest;
    }

    /// <summary>For a read as of stream time. Streams without any event say nothing; without any at all it is the epoch, before which nothing happened.</summary>
    public static EventTime Of(Selection selection, IEntityHost host)
    {
        long slowest = long.MaxValue;
        foreach (EntityRead read in selection.Entities)
        {
            foreach (int timeline in read.Plan.Timelines)
            {
                slowest = Math.Min(slowest, host.StreamTimeMicros(read.Entity.Timelines[timeline].Stream) ?? long.MaxValue);
            }
        }

        return slowest == long.MaxValue ? EventTime.Epoch : new EventTime(slowest);
    }
}
