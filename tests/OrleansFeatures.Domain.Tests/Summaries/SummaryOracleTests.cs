using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Summaries;
using OrleansFeatures.Domain.Tests.Aggregates;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Summaries;

/// <summary>Every aggregate over every type it takes, from random rows summed up in random buckets and merged at random, against the naive oracle over the rows.</summary>
public sealed class SummaryOracleTests
{
    private const int SeedsPerType = 42;

    public static TheoryData<FieldType> Types() => [FieldType.Int64, FieldType.Double, FieldType.String, FieldType.Bool, FieldType.Timestamp];

    [Theory]
    [MemberData(nameof(Types))]
    public void Buckets_in_the_order_of_time_merge_to_what_the_rows_give(FieldType type) => Check(type, (rows, random) => ByHop(rows, random), ordered: true);

    [Theory]
    [MemberData(nameof(Types))]
    public void Late_rows_and_overlapping_buckets_change_nothing_but_the_certainty_of_a_drawdown(FieldType type) =>
        Check(type, (rows, random) => AtRandom(rows, random), ordered: false);

    private static void Check(FieldType type, Func<Row[], Random, List<Row[]>> deal, bool ordered)
    {
        for (int seed = 0; seed < SeedsPerType; seed++)
        {
            var random = new Random(seed);
            Column column = AggregateOracleTests.RandomColumn(type, seed);
            Row[] rows = [.. column.Rows.Select((row, id) => new Row(row, id, random.Next(4) == 0 ? 0 : SummaryFixture.Filter))];
            FieldType categoryType = rows.Select(row => row.Naive.Category.Type).FirstOrDefault(category => category != FieldType.Null, FieldType.String);
            SummaryFixture fixture = SummaryFixture.OfAll(type, categoryType);
            Summary summary = Merged([.. deal(rows, random).Select(bucket => fixture.Of(bucket.Select(row => (row.Naive, row.Id, row.Flags))))], random, fixture);
            foreach (FeaturePlan feature in fixture.Features)
            {
                List<NaiveRow> expected = [.. rows.Where(row => (row.Flags & feature.Window.FilterBits) == feature.Window.FilterBits).Select(row => row.Naive)];
                FeatureValue actual = summary.Compute(feature, column.Span);
                string? wrong = feature.By >= 0
                    ? Wrong(feature.Aggregate, actual, expected, column.Span, ordered)
                    : SummaryBounds.Wrong(feature.Aggregate, actual, expected, column.Span, ordered);
                wrong.ShouldBeNull($"{feature.Name} over {type}, seed {seed}");
                (Summary.IsExact(feature) && actual.Status == FeatureStatus.Approximate).ShouldBeFalse($"{feature.Name} is exact, seed {seed}");
            }
        }
    }

    /// <summary>A map, category by category: the fixture has fewer than 64.</summary>
    private static string? Wrong(AggregateCall call, FeatureValue actual, List<NaiveRow> rows, WindowSpan span, bool ordered)
    {
        object? map = NaiveOracle.ComputeBy(call, rows, span);
        if (map is not Value[] expected || actual.List is null)
        {
            return AggregateOracleTests.Same(actual, map) ? null : $"{AggregateOracleTests.Show(actual)}, the oracle says {AggregateOracleTests.Show(map)}";
        }

        for (int key = 0; key < Math.Max(expected.Length, actual.List.Length); key += 2)
        {
            if (key >= expected.Length || key >= actual.List.Length || expected[key] != actual.List[key])
            {
                return $"{AggregateOracleTests.Show(actual)} has other categories than {AggregateOracleTests.Show(map)}";
            }

            List<NaiveRow> own = [.. rows.Where(row => Plain(row.Category) == expected[key])];
            var value = new FeatureValue(actual.Status, actual.List[key + 1], null);
            if (actual.Status == FeatureStatus.Approximate && AggregateOracleTests.Same(FeatureValue.Of(value.Scalar), NaiveOracle.Compute(call, own, span)))
            {
                // The map is as uncertain as its most uncertain value, and this one is not that.
                continue;
            }

            if (SummaryBounds.Wrong(call, value, own, span, ordered) is { } wrong)
            {
                return $"category {expected[key]}: {wrong}";
            }
        }

        return null;
    }

    private static Value Plain(Value value) => value.Type == FieldType.Double && value.Double == 0 ? Value.Of(0.0) : value;

    private static List<Row[]> ByHop(Row[] rows, Random random)
    {
        long hop = random.Next(1, 30) * Column.Second / 4;
        return [.. rows.GroupBy(row => (row.Naive.Time - 1) / hop).Select(bucket => bucket.ToArray())];
    }

    private static List<Row[]> AtRandom(Row[] rows, Random random)
    {
        int buckets = random.Next(1, 20);
        return [.. rows.OrderBy(_ => random.Next()).GroupBy(_ => random.Next(buckets)).Select(bucket => bucket.ToArray())];
    }

    /// <summary>Neighbours are merged at random until one is left, the later always into the earlier.</summary>
    private static Summary Merged(List<Summary> buckets, Random random, SummaryFixture fixture)
    {
        while (buckets.Count > 1)
        {
            int at = random.Next(buckets.Count - 1);
            buckets[at].Merge(buckets[at + 1]);
            buckets.RemoveAt(at + 1);
        }

        return buckets.Count == 0 ? new Summary(fixture.Plan) : buckets[0];
    }

    private readonly record struct Row(NaiveRow Naive, int Id, ulong Flags);
}
