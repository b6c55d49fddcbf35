using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.State;

/// <summary>
/// How long an entity had been silent at an instant, held against a view's ttl. The newest event that stands there decides; a timeline with a ttl over it never lets that one go, for any instant
/// within the history that its entity promises:
/// <code>
///        expired             │              fresh
///   ─────────────────────────┼───────────────────────────┼──> event time
///                       as of - ttl                     as of
/// </code>
/// Only where that event cannot be found among the rows, because it has been summed up, was corrected after others had left, or lies behind that history, sums are asked, which know time in hops. What they
/// cannot tell is outside retention: a training query finds it in the log.
/// </summary>
internal static class EventAge
{
    /// <summary>Present where the values stand; else the status that takes their place.</summary>
    /// <param name="plan">The ttl.</param>
    /// <param name="events">The timeline that it is over.</param>
    /// <param name="rows">Of that timeline.</param>
    /// <param name="missingMicros">The newest event time of history that the entity was built without. Nothing is known of it, not even whether there was an event.</param>
    /// <param name="asOf">The instant asked for.</param>
    /// <param name="knownAt">What arrived later is not looked at.</param>
    public static FeatureStatus Judge(MaxAgePlan plan, in Timeline events, RowLayout rows, long missingMicros, long asOf, long knownAt)
    {
        long oldest = asOf - plan.Ttl.Micros;
        RowPosition end = events.IsEmpty || asOf >= events.LastTime(rows) ? events.End : events.After(rows, asOf);
        if (new TimelineReader(events, rows, knownAt).Back(end, 1, plan.FilterBits) is { } newest)
        {
            return events.ChunkAt(rows, newest)[RowLayout.Time, newest.Row] >= oldest ? FeatureStatus.Present : FeatureStatus.OutsideMaxAge;
        }

        if (events.FloorMicros <= missingMicros)
        {
            // Nothing has left, so there was no event: the entity is as new.
            return FeatureStatus.Present;
        }

        bool sumsKnow = plan.FilterBits == 0 && knownAt == EventTime.Never.Micros;
        return sumsKnow && events.Past is { } past ? past.AgeAt(asOf, oldest, rows.Plan.HopMicros) : FeatureStatus.OutsideRetention;
    }
}
