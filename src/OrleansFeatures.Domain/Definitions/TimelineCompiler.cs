using System.Collections.Immutable;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// Lays out what one entity type keeps of each stream that feeds it. All views over the same stream share one timeline: a field that any
/// feature reads becomes a column once, an equal filter becomes a bit once.
/// </summary>
internal sealed class TimelineCompiler
{
    private readonly StreamPlan _stream;
    private readonly int _timeline;
    private readonly Action<string, string, string> _report;
    private readonly TimelineColumns _columns;
    private readonly List<FeaturePlan> _features = [];
    private readonly Dictionary<WindowDefinition, CalendarWindow> _calendars = [];
    private long _reachMicros;

    private TimelineCompiler(StreamPlan stream, int timeline, Action<string, string, string> report)
    {
        _stream = stream;
        _timeline = timeline;
        _report = report;
        _columns = new TimelineColumns(stream, report);
    }

    public static EntityPlan Compile(EntityPlan entity, ImmutableArray<ViewPlan> views, Action<string, string, string> report)
    {
        foreach (var group in views.GroupBy(view => view.Stream))
        {
            var compiler = new TimelineCompiler(group.Key, entity.Timelines.Length, report);
            foreach (ViewPlan view in group)
            {
                compiler.Add(view);
            }

            entity.Timelines = entity.Timelines.Add(
                new TimelinePlan(group.Key, compiler._columns.Columns, compiler._columns.Filters, compiler._columns.Lanes, [.. compiler._features], new Duration(compiler._reachMicros), entity.History));
            entity.Features = entity.Features.AddRange(compiler._features);
        }

        return entity;
    }

    private void Add(ViewPlan view)
    {
        var seen = new HashSet<string>();
        ulong lateness = _columns.LatenessBit($"{view.Path}.allowed_lateness", view.Definition.AllowedLateness);
        ulong viewFilter = _columns.FilterBit($"{view.Path}.where", view.Definition.Where) | lateness;
        MaxAgePlan? maxAge = view.Definition.Ttl is { } ttl ? new MaxAgePlan(_timeline, ttl, lateness) : null;
        for (int index = 0; index < view.Definition.Features.Length; index++)
        {
            FeatureDefinition feature = view.Definition.Features[index];
            string path = $"{view.Path}.features[{index}]";
            if (!seen.Add(feature.Name))
            {
                _report($"{path}.name", $"feature '{feature.Name}' is defined twice in view '{view.Definition.Name}'", "delete one of the two, or rename it");
            }

            if (Resolve(view, path, feature, viewFilter) is { } plan)
            {
                _features.Add(plan with { MaxAge = maxAge });
                _reachMicros = Math.Max(_reachMicros, WindowReach.Micros(plan.Window));
            }
        }
    }

    private FeaturePlan? Resolve(ViewPlan view, string path, FeatureDefinition feature, ulong viewFilter)
    {
        if (AggregateCall.Parse(feature.Aggregate, out string message, out string suggestion) is not { } aggregate)
        {
            _report($"{path}.aggregate", message, suggestion);
            return null;
        }

        if (WindowReach.Refuse(feature.Window, feature.Delay) is { } refusal)
        {
            _report($"{path}.window", refusal.Message, refusal.Suggestion);
            return null;
        }

        if (!IsZoneKnown($"{path}.window.time_zone", feature.Window) || !IsAccuracyPossible($"{path}.accuracy", feature))
        {
            return null;
        }

        if (!TryFindColumn(path, aggregate, out int column, out FieldType type) || !TryFindCategory(path, feature, aggregate, out int by) || !TryFindRank(path, aggregate, out int orderBy))
        {
            return null;
        }

        ulong filterBits = viewFilter | _columns.FilterBit($"{path}.where", feature.Where);
        return new FeaturePlan
        {
            Reference = view.Reference(feature.Name),
            View = view.Definition.Name,
            ViewVersion = view.Definition.Version,
            Name = feature.Name,
            Aggregate = aggregate,
            Type = type,
            Window = new WindowPlan(_timeline, feature.Window, feature.Delay, filterBits) { Calendar = CalendarOf(feature.Window) },
            Column = column,
            OrderBy = orderBy,
            By = by,
            Lane = by < 0 && aggregate.IsFoldedOver(column < 0 ? FieldType.Timestamp : _columns.TypeOf(column)) ? _columns.Lane(column, filterBits, aggregate.NeedsMoments) : -1,
            Accuracy = feature.Accuracy ?? Catalog.AccuracyDefault,
            Default = DefaultOf($"{path}.default", feature, aggregate, type),
        };
    }

    private bool IsZoneKnown(string path, WindowDefinition window)
    {
        if (window.Kind == WindowKind.Tumbling && ZoneClock.Refuse(window.TimeZone) is { } refusal)
        {
            _report(path, refusal.Message, refusal.Suggestion);
            return false;
        }

        return true;
    }

    private bool IsAccuracyPossible(string path, FeatureDefinition feature)
    {
        if (feature.Accuracy is not { } accuracy || AccuracyCheck.Refuse(accuracy, feature.Window) is not { } refusal)
        {
            return true;
        }

        _report($"{path}.{refusal.Key}", refusal.Message, refusal.Suggestion);
        return false;
    }

    /// <summary>One instance for equal windows, so that what one read found serves the next, whatever feature it is for.</summary>
    private CalendarWindow? CalendarOf(WindowDefinition window)
    {
        if (window.Kind != WindowKind.Tumbling)
        {
            return null;
        }

        if (!_calendars.TryGetValue(window, out CalendarWindow? calendar))
        {
            calendar = new CalendarWindow(window);
            _calendars.Add(window, calendar);
        }

        return calendar;
    }

    private bool TryFindColumn(string path, AggregateCall aggregate, out int column, out FieldType type)
    {
        (column, type) = (-1, aggregate.ResultType(FieldType.Timestamp) ?? FieldType.Int64);
        if (aggregate.Field is null)
        {
            return true;
        }

        int position = _stream.PositionOf(aggregate.Field);
        if (position < 0)
        {
            ReportUnknown(path, aggregate.Field);
            return false;
        }

        FieldType fieldType = _stream.Fields[position].Type;
        if (aggregate.ResultType(fieldType) is not { } resultType)
        {
            _report($"{path}.aggregate", $"field '{aggregate.Field}' is {fieldType.Name()}, which {aggregate.Name} cannot take", $"{aggregate.FieldAdvice}, or use count, distinct_count, first, last, min or max");
            return false;
        }

        type = resultType;
        column = _columns.Column(path, position, fieldType);
        return column >= 0;
    }

    /// <summary>The column of the field that events are chosen by: of any type, because every type has an order.</summary>
    private bool TryFindRank(string path, AggregateCall aggregate, out int column)
    {
        column = -1;
        if (aggregate.OrderBy is null)
        {
            return true;
        }

        int position = _stream.PositionOf(aggregate.OrderBy);
        if (position < 0)
        {
            ReportUnknown(path, aggregate.OrderBy);
            return false;
        }

        column = _columns.Column(path, position, _stream.Fields[position].Type);
        return column >= 0;
    }

    private void ReportUnknown(string path, string field) =>
        _report($"{path}.aggregate", $"stream '{_stream.Name}' has no field '{field}'", NameSuggestion.DidYouMean(field, _stream.Fields.Select(known => known.Name)));

    private bool TryFindCategory(string path, FeatureDefinition feature, AggregateCall aggregate, out int column)
    {
        column = -1;
        if (feature.By is null)
        {
            return true;
        }

        int position = _stream.PositionOf(feature.By);
        if (position < 0)
        {
            _report($"{path}.by", $"stream '{_stream.Name}' has no field '{feature.By}'", NameSuggestion.DidYouMean(feature.By, _stream.Fields.Select(field => field.Name)));
            return false;
        }

        if (aggregate.Shape != FeatureShape.Scalar)
        {
            _report($"{path}.by", $"{aggregate.Name} gives more than one value for each '{feature.By}'", "use an aggregate of one value with by");
            return false;
        }

        column = _columns.Column(path, position, _stream.Fields[position].Type);
        return column >= 0;
    }

    private Value DefaultOf(string path, FeatureDefinition feature, AggregateCall aggregate, FieldType type)
    {
        Value given = feature.Default;
        if (given.IsNull)
        {
            return given;
        }

        if (aggregate.Shape != FeatureShape.Scalar || feature.By is not null)
        {
            _report(path, "a feature that is a list or a map takes no default", "delete the default");
            return Value.Null;
        }

        if (given.Type == type)
        {
            return given;
        }

        if (given.Type == FieldType.Int64 && type == FieldType.Double)
        {
            return Value.Of((double)given.Int64);
        }

        _report(path, $"the default is {given.Type.Name()}, the feature is {type.Name()}", $"write a {type.Name()}");
        return Value.Null;
    }
}
