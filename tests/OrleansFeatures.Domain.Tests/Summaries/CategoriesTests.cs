using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Summaries;
using OrleansFeatures.Domain.Tests.Aggregates;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Summaries;

public sealed class CategoriesTests(ITestOutputHelper output)
{
    private const int Most = Limits.SummaryCategoriesMax;

    private static readonly WindowSpan Span = new(AsOf: 100 * Column.Second, After: WindowSpan.NoStart, Through: 90 * Column.Second);

    [Fact]
    public void As_many_categories_as_are_held_are_exact_however_they_are_merged()
    {
        SummaryFixture fixture = SummaryFixture.By("sum(x)", FieldType.Int64, FieldType.String);
        NaiveRow[] rows = [.. Enumerable.Range(0, 1_000).Select(row => new NaiveRow(row, Value.Of((long)row), Value.Of($"c{row * 31 % Most}")))];
        Summary merged = rows.Chunk(37).Select(fixture.Of).Aggregate(Merged);
        FeatureValue map = merged.Compute(fixture.Features[0], Span);
        map.Status.ShouldBe(FeatureStatus.Present);
        map.List.ShouldBe((Value[])NaiveOracle.ComputeBy(Column.Call("sum(x)"), [.. rows], Span)!);
    }

    [Fact]
    public void Of_more_the_heavy_ones_stay_and_the_map_says_that_it_is_approximate()
    {
        SummaryFixture fixture = SummaryFixture.By("count", FieldType.Int64, FieldType.Int64);
        for (int seed = 0; seed < 5; seed++)
        {
            NaiveRow[] rows = FewAmongMany(50_000, new Random(seed));
            foreach (Summary summary in new[] { fixture.Of(rows), rows.Chunk(1_000).Select(fixture.Of).Aggregate(Merged) })
            {
                FeatureValue map = summary.Compute(fixture.Features[0], Span);
                map.Status.ShouldBe(FeatureStatus.Approximate, $"seed {seed}");
                map.List!.Length.ShouldBe(2 * Most, $"seed {seed}");
                var counts = map.List.Chunk(2).ToDictionary(pair => pair[0].Int64, pair => pair[1].Int64);
                long worst = 0;
                foreach (var group in rows.GroupBy(row => row.Category.Int64).Where(group => group.Count() > rows.Length / Most))
                {
                    long missed = group.Count() - counts[group.Key];
                    worst = Math.Max(worst, missed);
                    missed.ShouldBeInRange(0, rows.Length / Most, $"seed {seed}, category {group.Key}");
                }

                output.WriteLine($"seed {seed}: heavy categories miss at most {worst} rows of {rows.Length}, the bound is {rows.Length / Most}");
            }
        }
    }

    [Fact]
    public void What_gives_way_is_counted_as_dropped()
    {
        var categories = new Categories(SummaryFixture.By("count", FieldType.Int64, FieldType.Int64).Plan.Specs[0]);
        for (int row = 0; row < 3 * Most; row++)
        {
            categories.Add(Value.Of((long)row), new StatisticRow(row, EventId.Of(row), Value.Null));
        }

        categories.Dropped.ShouldBe(2 * Most);
    }

    [Fact]
    public void One_value_that_cannot_be_represented_makes_the_map_invalid()
    {
        SummaryFixture fixture = SummaryFixture.By("sum(x)", FieldType.Int64, FieldType.Bool);
        NaiveRow[] rows = [new(1, Value.Of(1L), Value.Of(true)), new(2, Value.Of(long.MaxValue), Value.Of(false)), new(3, Value.Of(1L), Value.Of(false))];
        fixture.Of(rows).Compute(fixture.Features[0], Span).ShouldBe(FeatureValue.Invalid);
    }

    /// <summary>One in four rows goes to one of 5,000 light categories, and so does any of a heavy one before it begins: they begin one after the other, and of equal weights they give way first.</summary>
    private static NaiveRow[] FewAmongMany(int count, Random random)
    {
        const int Heavy = 10;
        long Category(int row)
        {
            int heavy = random.Next(Heavy);
            return random.Next(4) > 0 && row > heavy * count / (2 * Heavy) ? 10_000 + heavy : random.Next(5_000);
        }

        return [.. Enumerable.Range(0, count).Select(row => new NaiveRow(row, Value.Of(1L), Value.Of(Category(row))))];
    }

    private static Summary Merged(Summary earlier, Summary later)
    {
        earlier.Merge(later);
        return earlier;
    }
}
