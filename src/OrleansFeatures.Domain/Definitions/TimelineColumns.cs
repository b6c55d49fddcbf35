using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>What a timeline keeps of each event, collected feature by feature: each field, condition and lateness once, however many features want it.</summary>
internal sealed class TimelineColumns(StreamPlan stream, Action<string, string, string> report)
{
    private readonly List<ColumnPlan> _columns = [];
    private readonly List<FilterPlan> _filters = [];
    private readonly List<LanePlan> _lanes = [];

    public ImmutableArray<ColumnPlan> Columns => [.. _columns];

    public ImmutableArray<FilterPlan> Filters => [.. _filters];

    public ImmutableArray<LanePlan> Lanes => [.. _lanes];

    public FieldType TypeOf(int column) => _columns[column].Type;

    /// <summary>The column of a field, shared by all features that read it; -1, reported, when there are too many.</summary>
    public int Column(string path, int position, FieldType type)
    {
        int existing = _columns.FindIndex(column => column.Field == position);
        if (existing >= 0)
        {
            return existing;
        }

        if (_columns.Count == Limits.ColumnsPerTimelineMax)
        {
            report($"{path}.aggregate", $"this entity already keeps {Limits.ColumnsPerTimelineMax} fields of stream '{stream.Name}'", "split the entity type in two");
            return -1;
        }

        _columns.Add(new ColumnPlan(position, type, 1UL << (32 + _columns.Count)));
        return _columns.Count - 1;
    }

    /// <summary>The lane of a column and a filter, shared by all features that read them.</summary>
    public int Lane(int column, ulong filterBits, bool moments)
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

    /// <summary>The bit of a filter, shared by equal texts; zero for no filter.</summary>
    public ulong FilterBit(string path, string? where)
    {
        if (where is null)
        {
            return 0;
        }

        int bit = _filters.FindIndex(filter => filter.Where?.Text == where);
        return bit >= 0 ? 1UL << bit : HasRoom(path) && CompileFilter(path, where) is { } filter ? AddFilter(new FilterPlan(filter, null)) : 0;
    }

    /// <summary>The bit of an allowed lateness, shared by equal ones; zero for none.</summary>
    public ulong LatenessBit(string path, Duration? lateness)
    {
        if (lateness is null)
        {
            return 0;
        }

        if (lateness.Value.Micros is < 0 or > Limits.WindowReachMaxMicros)
        {
            report(path, $"a lateness of {lateness} is not possible", $"0s to {new Duration(Limits.WindowReachMaxMicros)}");
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
            report(path, $"this entity already has {Limits.FiltersPerTimelineMax} different filters over stream '{stream.Name}'", "reuse one, or split the entity type in two");
            return false;
        }

        return true;
    }

    private CompiledExpression? CompileFilter(string path, string where)
    {
        if (CompiledExpression.Compile(where, new ExpressionScope(stream.Fields), out ExpressionError? error) is not { } filter)
        {
            report(path, $"at column {error!.Column} of '{where}': {error.Message}", error.Suggestion);
            return null;
        }

        if (filter.ResultType != FieldType.Bool)
        {
            report(path, $"'{where}' gives {filter.ResultType.Name()}, a filter gives bool", "compare it with something, as in 'amount > 0'");
            return null;
        }

        return filter;
    }
}
