using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Summaries;
using OrleansFeatures.Domain.Tests.Aggregates;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Summaries;

/// <summary>A timeline with a field x, a category and one filter, features over it, and summaries of rows.</summary>
internal sealed class SummaryFixture
{
    /// <summary>The flag of rows that pass the filter.</summary>
    public const ulong Filter = 1;

    private SummaryFixture(FieldType type, FieldType categoryType, IEnumerable<(string Aggregate, ulong Filter, bool By)> features, FieldType ids = FieldType.Int64)
    {
        HasTextIds = ids == FieldType.String;
        Features = [.. features.Select((feature, index) => Feature(index, type, feature.Aggregate, feature.Filter, feature.By))];
        var stream = new StreamDefinition(
            "events", 1, "id", "at", [new("id", ids), new("at", FieldType.Timestamp), new("x", type), new("category", categoryType)]);
        Plan = SummaryPlan.For(new TimelinePlan(
            new StreamPlan([stream]),
            [new ColumnPlan(2, type, 1UL << 32), new ColumnPlan(3, categoryType, 1UL << 33)],
            [new FilterPlan(null, Duration.Zero)],
            [],
            [.. Features],
            Duration.Days(1),
            Duration.Days(1)));
    }

    public FeaturePlan[] Features { get; }

    public bool HasTextIds { get; }

    public SummaryPlan Plan { get; }

    /// <summary>One feature over everything.</summary>
    public static SummaryFixture Of(string aggregate, FieldType type) => new(type, FieldType.String, [(aggregate, 0, false)]);

    public static SummaryFixture By(string aggregate, FieldType type, FieldType categoryType) => new(type, categoryType, [(aggregate, 0, true)]);

    /// <summary>Every aggregate that the type takes, with and without the filter, and by category where it gives one value.</summary>
    public static SummaryFixture OfAll(FieldType type, FieldType categoryType, FieldType ids = FieldType.Int64)
    {
        string[] aggregates = [.. AggregateOracleTests.Cases().Where(data => data.Data.Item2 == type).Select(data => data.Data.Item1)];
        return new SummaryFixture(type, categoryType, aggregates.SelectMany(aggregate => (IEnumerable<(string, ulong, bool)>)
        [
            (aggregate, 0, false),
            (aggregate, Filter, false),
            .. Column.Call(aggregate).Shape == FeatureShape.Scalar ? new[] { (aggregate, 0UL, true) } : [],
        ]), ids);
    }

    public Summary Of(IEnumerable<NaiveRow> rows) => Of(rows.Select((row, id) => (row, id, Filter)));

    public Summary Of(IEnumerable<(NaiveRow Row, int Id, ulong Flags)> rows)
    {
        var summary = new Summary(Plan);
        foreach ((NaiveRow row, int id, ulong flags) in rows)
        {
            summary.Add(new SummaryRow(row.Time, EventId.Of(id), flags, [row.Value, row.Category]));
        }

        return summary;
    }

    private static FeaturePlan Feature(int index, FieldType type, string aggregate, ulong filter, bool by)
    {
        AggregateCall call = Column.Call(aggregate);
        return new FeaturePlan
        {
            Reference = $"view:{index}",
            View = "view",
            ViewVersion = 1,
            Name = $"{aggregate}{(by ? " by" : "")}{(filter == 0 ? "" : " filtered")}",
            Aggregate = call,
            Type = call.ResultType(type)!.Value,
            Window = new WindowPlan(0, WindowDefinition.Lifetime, Duration.Zero, filter),
            Column = call.Field is null ? -1 : 0,
            OrderBy = call.OrderBy is null ? -1 : call.OrderBy == call.Field ? 0 : 1,
            By = by ? 1 : -1,
            Default = Value.Null,
        };
    }
}
