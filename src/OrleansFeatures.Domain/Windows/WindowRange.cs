using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Windows;

/// <summary>How much of a window is held as it happened.</summary>
internal enum Coverage : byte
{
    Exact,

    /// <summary>Part of it only as summaries.</summary>
    Summed,

    /// <summary>Part of it has left.</summary>
    Gone,
}

/// <summary>Where a window lies in a timeline, at one read: its rows are [From, To).</summary>
/// <param name="Coverage">How much of it is held as it happened.</param>
/// <param name="From">Its first row here.</param>
/// <param name="To">One behind its last.</param>
/// <param name="After">It covers event times after this, and through the end of its span.</param>
/// <param name="Span">Its instants, as aggregates see them.</param>
internal readonly record struct WindowRange(Coverage Coverage, RowPosition From, RowPosition To, long After, WindowSpan Span)
{
    /// <summary>Finds a window as of an instant.</summary>
    public static WindowRange Find(WindowPlan plan, in Timeline timeline, RowLayout layout, TimelineReader reader, long asOf)
    {
        long through = asOf - plan.Delay.Micros;
        RowPosition to = timeline.IsEmpty || through >= timeline.LastTime(layout) ? timeline.End : timeline.After(layout, through);
        WindowDefinition window = plan.Window;
        switch (window.Kind)
        {
            case WindowKind.Sliding:
                return Since(timeline, layout, to, through - window.Width.Micros, new WindowSpan(asOf, through - window.Width.Micros, through));
            case WindowKind.Tumbling:
                long start = plan.Calendar!.StartOf(through);
                return Since(timeline, layout, to, start - 1, new WindowSpan(asOf, start, through));
            case WindowKind.Lifetime:
                return new WindowRange(timeline.FloorMicros == long.MinValue ? Coverage.Exact : Coverage.Summed, default, to, long.MinValue, new WindowSpan(asOf, WindowSpan.NoStart, through));
            case WindowKind.Count:
                RowPosition? first = reader.Back(to, window.Events, plan.FilterBits);
                Coverage counted = first is not null || timeline.FloorMicros == long.MinValue ? Coverage.Exact : Coverage.Gone;
                return new WindowRange(counted, first ?? default, to, long.MinValue, new WindowSpan(asOf, WindowSpan.NoStart, through));
            default:
                RowPosition? session = reader.SessionStart(to, through, window.Gap.Micros, through - window.Width.Micros, plan.FilterBits);
                return new WindowRange(session is null ? Coverage.Gone : Coverage.Exact, session ?? to, to, long.MinValue, new WindowSpan(asOf, WindowSpan.NoStart, through));
        }
    }

    private static WindowRange Since(in Timeline timeline, RowLayout layout, RowPosition to, long after, WindowSpan span)
    {
        Coverage coverage = after >= timeline.FloorMicros ? Coverage.Exact : timeline.Past is { } past && after >= past.FloorMicros ? Coverage.Summed : Coverage.Gone;
        RowPosition from = timeline.After(layout, after);
        return new WindowRange(coverage, from.CompareTo(to) < 0 ? from : to, to, after, span);
    }
}
