using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Aggregates;

public sealed class CategoryMapTests
{
    [Fact]
    public void Each_category_has_the_value_of_its_own_rows_in_their_order()
    {
        Column column = Of(("b", 1), ("a", 2), ("b", 3), ("c", 4), ("b", 9));
        column.ComputeBy("sum(x)").List.ShouldBe([Value.Of("a"), Value.Of(2L), Value.Of("b"), Value.Of(13L), Value.Of("c"), Value.Of(4L)]);
        column.ComputeBy("last(x)").List.ShouldBe([Value.Of("a"), Value.Of(2L), Value.Of("b"), Value.Of(9L), Value.Of("c"), Value.Of(4L)]);
        column.ComputeBy("count").List.ShouldBe([Value.Of("a"), Value.Of(1L), Value.Of("b"), Value.Of(3L), Value.Of("c"), Value.Of(1L)]);
    }

    [Fact]
    public void A_category_whose_value_is_null_is_left_out()
    {
        Column column = Of(("b", 1), ("a", 2), ("b", 3), (null, 7), ("c", null));
        column.ComputeBy("var_samp(x)").List.ShouldBe([Value.Of("b"), Value.Of(2.0)]);
        column.ComputeBy("count(x)").List.ShouldBe([Value.Of("a"), Value.Of(1L), Value.Of("b"), Value.Of(2L)]);
        column.ComputeBy("count").List.ShouldBe([Value.Of("a"), Value.Of(1L), Value.Of("b"), Value.Of(2L), Value.Of("c"), Value.Of(1L)]);
        column.ComputeBy("skew(x)").ShouldBe(FeatureValue.Null);
    }

    [Fact]
    public void One_value_that_cannot_be_represented_makes_the_map_invalid() =>
        Of(("a", 1), ("b", long.MaxValue), ("b", 1)).ComputeBy("sum(x)").ShouldBe(FeatureValue.Invalid);

    [Fact]
    public void A_map_without_rows_is_null() => Of().ComputeBy("count").ShouldBe(FeatureValue.Null);

    [Fact]
    public void Of_too_many_categories_the_most_frequent_are_kept_and_the_map_says_so()
    {
        // 1,500 categories, of which every third occurs twice, in a shuffled order: those 500 stay, and of the others the first 500.
        const int seed = 7;
        long[] categories = [.. Enumerable.Range(0, 1_500).SelectMany(category => Enumerable.Repeat((long)category, category % 3 == 0 ? 2 : 1))];
        new Random(seed).Shuffle(categories);
        var column = new Column(FieldType.Int64, categories.Select((category, row) => new NaiveRow(row, Value.Of(1L), Value.Of(category))));

        FeatureValue map = column.ComputeBy("sum(x)");

        map.Status.ShouldBe(FeatureStatus.Approximate);
        map.List.ShouldBe(NaiveOracle.ComputeBy(Column.Call("sum(x)"), column.Rows, column.Span) as Value[], $"seed {seed}");
        map.List!.Length.ShouldBe(2 * Limits.CategoriesMax);
        map.List.Chunk(2).Count(pair => pair[1] == Value.Of(2L)).ShouldBe(500);
        map.List.Chunk(2).Last(pair => pair[1] == Value.Of(1L))[0].ShouldBe(Value.Of(749L));
    }

    [Fact]
    public void A_thousand_categories_are_all_there()
    {
        var column = new Column(FieldType.Int64, Enumerable.Range(0, Limits.CategoriesMax).Select(row => new NaiveRow(row, Value.Of(1L), Value.Of($"k{row}"))));
        FeatureValue map = column.ComputeBy("count");
        map.Status.ShouldBe(FeatureStatus.Present);
        map.List!.Length.ShouldBe(2 * Limits.CategoriesMax);
    }

    private static Column Of(params (string? Category, long? Value)[] rows) => new(
        FieldType.Int64,
        rows.Select((row, index) => new NaiveRow(
            index * Column.Second, row.Value is { } value ? Value.Of(value) : Value.Null, row.Category is null ? Value.Null : Value.Of(row.Category))));
}
