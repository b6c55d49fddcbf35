using System.Collections.Immutable;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;
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
    private readonly List<ColumnPlan> _columns = [];
    private readonly List<FilterPlan> _filters = [];
    private readonly List<LanePlan> _lanes = [];
    private readonly List<FeaturePlan> _features = [];
    private readonly Dictionary<WindowDefinition, CalendarWindow> _calendars = [];
    private long _reachMicros;

    private TimelineCompiler(StreamPlan stream, int timeline, Action<string, string, string> report)
    {
        _stream = stream;
        _timeline = timeline;
        _report = report;
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
                new TimelinePlan(group.Key, [.. compiler._columns], [.. compiler._filters], [.. compiler._lanes], [.. compiler._features], new Duration(compiler._reachMicros), Catalog.RetentionSlack));
            entity.Features = entity.Features.AddRange(compiler._features);
        }

        return entity;
    }

    private void Add(ViewPlan view)
    {
        var seen = new HashSet<string>();
        ulong viewFilter = FilterBit($"{view.Path}.where", view.Definition.Where) | LatenessBit($"{view.Path}.allowed_lateness", view.Definition.AllowedLateness);
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
                _features.Add(plan);
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

        if (feature.Window.Kind == WindowKind.Lifetime)
        {
            _report($"{path}.window", "this version has no lifetime windows yet", "use a duration, as in window: 30d");
            return null;
        }

        if (!IsZoneKnown($"{path}.window.time_zone", feature.Window) || !IsAccuracyPossible($"{path}.accuracy", feature))
        {
            return null;
        }

        if (!TryFindColumn(path, aggregate, out int column, out FieldType type) || !TryFindCategory(path, feature, aggregate, out int by))
        {
            return null;
        }

        ulong filterBits = viewFilter | FilterBit($"{path}.where", feature.Where);
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
            By = by,
            Lane = by < 0 && aggregate.IsFoldedOver(column < 0 ? FieldType.Timestamp : _columns[column].Type) ? Lane(column, filterBits, aggregate.NeedsMoments) : -1,
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
            string suggestion = NameSuggestion.DidYouMean(aggregate.Field, _stream.Fields.Select(field => field.Name));
            _report($"{path}.aggregate", $"stream '{_stream.Name}' has no field '{aggregate.Field}'", suggestion);
            return false;
        }

        FieldType fieldType = _stream.Fields[position].Type;
        if (aggregate.ResultType(fieldType) is not { } resultType)
        {
            _report($"{path}.aggregate", $"field '{aggregate.Field}' is {fieldType.Name()}, which {aggregate.Name} cannot take", $"{aggregate.FieldAdvice}, or use count, distinct_count, first, last, min or max");
            return false;
        }

        type = resultType;
        column = Column(path, position, fieldType);
        return column >= 0;
    }

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

        column = Column(path, position, _stream.Fields[position].Type);
        return column >= 0;
    }

    /// <summary>The lane of a column and a filter, shared by all features that read them.</summary>
    private int Lane(int column, ulong filterBits, bool moments)
    {
        int lane = _lanes.FindIndex(lane => lane.Column == column && lane.FilterBits == filterBits);
        if (lane < 0)
        {
            _lanes.Add(new LanePlan(column, filterBits, moments));
            return _lanes.Count - 1;
        }

        _lanes[lane] = _lanes[lane] with { Moments = _lanes[lane].Moments || moments };
        return lane;
    }

    private int Column(string path, int position, FieldType type)
    {
        int existing = _columns.FindIndex(column => column.Field == position);
        if (existing >= 0)
        {
            return existing;
        }

        if (_columns.Count == Limits.ColumnsPerTimelineMax)
        {
            _report($"{path}.aggregate", $"this entity already keeps {Limits.ColumnsPerTimelineMax} fields of stream '{_stream.Name}'", "split the entity type in two");
            return -1;
        }

        _columns.Add(new ColumnPlan(position, type, 1UL << (32 + _columns.Count)));
        return _columns.Count - 1;
    }

    /// <summary>The bit of a filter, shared by equal texts; zero for no filter.</summary>
    private ulong FilterBit(string path, string? where)
    {
        if (where is null)
        {
            return 0;
        }

        int bit = _filters.FindIndex(filter => filter.Where?.Text == where);
        return bit >= 0 ? 1UL << bit : HasRoom(path) && CompileFilter(path, where) is { } filter ? AddFilter(new FilterPlan(filter, null)) : 0;
    }

    /// <summary>The bit of an allowed lateness, shared by equal ones; zero for none.</summary>
    private ulong LatenessBit(string path, Duration? lateness)
    {
        if (lateness is null)
        {
            return 0;
        }

        if (lateness.Value.Micros is < 0 or > Limits.WindowReachMaxMicros)
        {
            _report(path, $"a lateness of {lateness} is not possible", $"0s to {new Duration(Limits.WindowReachMaxMicros)}");
            return 0;
        }

        int bit = _filters.FindIndex(filter => filter.AllowedLateness == lateness);
        return bit >= 0 ? 1UL << bit : HasRoom(path) ? AddFilter(new FilterPlan(null, lateness)) : 0;
    }

    private ulong AddFilter(FilterPlan filter)
    {
        _filters.Add(filter);
        return 1UL << (_filters.Count - 1);
    }

    private bool HasRoom(string path)
    {
        if (_filters.Count == Limits.FiltersPerTimelineMax)
        {
            _report(path, $"this entity already has {Limits.FiltersPerTimelineMax} different filters over stream '{_stream.Name}'", "reuse one, or split the entity type in two");
            return false;
        }

        return true;
    }

    private CompiledExpression? CompileFilter(string path, string where)
    {
        if (CompiledExpression.Compile(where, new ExpressionScope(_stream.Fields), out ExpressionError? error) is not { } filter)
        {
            _report(path, $"at column {error!.Column} of '{where}': {error.Message}", error.Suggestion);
            return null;
        }

        if (filter.ResultType != FieldType.Bool)
        {
            _report(path, $"'{where}' gives {filter.ResultType.Name()}, a filter gives bool", "compare it with something, as in 'amount > 0'");
            return null;
        }

        return filter;
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
