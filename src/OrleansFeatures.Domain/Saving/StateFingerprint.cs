using System.Globalization;
using System.Text;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Saving;

/// <summary>
/// One number for everything in a catalog that shapes what an entity keeps: saved state is good for definitions of the same number and for no others. Names of views and services, defaults and expressions over features do not
/// count: they change answers, not memory. Made of what definitions say, in words, so that it stays the same from one version of this program to the next.
/// </summary>
public static class StateFingerprint
{
    /// <summary>Goes up when the same definitions come to keep something else.</summary>
    private const int Rules = 1;

    public static ulong Of(Catalog catalog)
    {
        var text = new StringBuilder();
        Line(text, "rules", Rules);
        foreach (EntityPlan entity in catalog.Entities.OrderBy(entity => entity.Name, StringComparer.Ordinal))
        {
            Line(text, "entity", entity.Name, string.Join(',', entity.Key.Select(field => $"{field.Name}:{field.Type}")));
            foreach (TimelinePlan timeline in entity.Timelines)
            {
                Write(text, timeline);
            }
        }

        return StableHash.Of(text.ToString());
    }

    private static void Write(StringBuilder text, TimelinePlan timeline)
    {
        Line(text, "stream", timeline.Stream.Name, timeline.Stream.HasTextIds, timeline.Retention.Micros, timeline.Slack.Micros, timeline.HopMicros, timeline.ExactForMicros);
        foreach (ColumnPlan column in timeline.Columns)
        {
            Line(text, "column", timeline.Stream.Fields[column.Field].Name, column.Type, column.NullBit);
        }

        foreach (FilterPlan filter in timeline.Filters)
        {
            Line(text, "filter", filter.Where?.Text, filter.AllowedLateness?.Micros);
        }

        foreach (ulong bits in timeline.MaxAgeFilters)
        {
            Line(text, "max age", bits);
        }

        foreach (FeaturePlan feature in timeline.Features)
        {
            Line(text, "feature", feature.Aggregate.Kind, feature.Aggregate.Argument, feature.Aggregate.Bounds, feature.Column, feature.By, feature.OrderBy, feature.Window.Window, feature.Window.Delay.Micros, feature.Window.FilterBits);
        }
    }

    private static void Line(StringBuilder text, params ReadOnlySpan<object?> words)
    {
        foreach (object? word in words)
        {
            text.Append(CultureInfo.InvariantCulture, $"{word}|");
        }

        text.Append('\n');
    }
}
