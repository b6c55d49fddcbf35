using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Aggregates;

/// <summary>Values computed by hand from the formulas, for windows small enough to check on paper. Rows are one second apart.</summary>
public sealed class AggregateAnchorTests
{
    /// <summary>Mean 5, squared deviations 9 1 1 1 0 0 4 16 = 32, as in every textbook on standard deviation.</summary>
    private static readonly double[] Textbook = [2, 4, 4, 4, 5, 5, 7, 9];

    [Theory]
    [InlineData("sum(x)", 40.0)]
    [InlineData("mean(x)", 5.0)]
    [InlineData("min(x)", 2.0)]
    [InlineData("max(x)", 9.0)]
    [InlineData("var_pop(x)", 4.0)]
    [InlineData("stddev_pop(x)", 2.0)]
    [InlineData("var_samp(x)", 32.0 / 7)]
    [InlineData("stddev_samp(x)", 2.1380899352993952)]
    // Cubed deviations -27 -1 -1 -1 0 0 8 64 = 42: 8 √7 / 6 · 42 / 32^1.5.
    [InlineData("skew(x)", 0.81848755)]
    // Fourth powers 81 1 1 1 0 0 16 256 = 356: 7 / (6 · 5) · (8 · 9 · 356 / 32² - 3 · 7).
    [InlineData("kurtosis(x)", 0.940625)]
    [InlineData("first(x)", 2.0)]
    [InlineData("last(x)", 9.0)]
    [InlineData("delta(x)", 7.0)]
    [InlineData("percentile(x, 0.25)", 4.0)]
    // Rank 0.9 · 7 = 6.3: 7 + 0.3 · 2.
    [InlineData("percentile(x, 0.9)", 7.6)]
    [InlineData("percentile_disc(x, 0.9)", 9.0)]
    [InlineData("percentile_disc(x, 0.5)", 4.0)]
    [InlineData("median(x)", 4.5)]
    [InlineData("mode(x)", 4.0)]
    [InlineData("drawdown(x)", 0.0)]
    // Shares 1/8 3/8 2/8 1/8 1/8: 3 · 3/8 + 3/8 · log2(8/3) + 2/4.
    [InlineData("entropy(x)", 2.1556390622295662)]
    // Times 0..7 about 3.5: products -3.5·-3 -2.5·-1 -1.5·-1 -.5·-1 0 0 2.5·2 3.5·4 = 34, squares 42.
    [InlineData("slope(x)", 34.0 / 42)]
    // Forty in the seven seconds from the first event to the end.
    [InlineData("rate(x)", 40.0 / 7)]
    [InlineData("rate", 8.0 / 7)]
    [InlineData("time_since_last", 0.0)]
    public void The_textbook_sample_gives(string aggregate, double expected) =>
        Column.Of(Textbook).Compute(aggregate).Scalar.Double.ShouldBe(expected, 1e-8, aggregate);

    [Fact]
    public void Skew_and_kurtosis_are_corrected_for_the_size_of_the_sample()
    {
        // Mean 4, squares 9 4 1 0 36 = 50, cubes -27 -8 -1 0 216 = 180, fourths 81 16 1 0 1296 = 1394:
        // 5 √4 / 3 · 180 / 50^1.5 and 4 / (3 · 2) · (5 · 6 · 1394 / 50² - 3 · 4).
        Column column = Column.Of([1.0, 2, 3, 4, 10]);
        column.Compute("skew(x)").Scalar.Double.ShouldBe(1.6970562748477143, 1e-14);
        column.Compute("kurtosis(x)").Scalar.Double.ShouldBe(3.152, 1e-14);
    }

    [Fact]
    public void Ewma_halves_a_weight_with_every_half_life()
    {
        // Weights 1/4, 1/2, 1: (8/4 + 4/2 + 1) / 1.75.
        Column.Of([8.0, 4, 1]).Compute("ewma(x, 1s)").Scalar.Double.ShouldBe(5 / 1.75, 1e-15);
    }

    [Fact]
    public void Ewma_does_not_depend_on_the_instant_of_the_read()
    {
        NaiveRow[] rows = [.. Column.Of([8.0, 4, 1]).Rows];
        var late = new Column(FieldType.Double, rows, new WindowSpan(long.MaxValue / 2, 0, long.MaxValue / 2));
        late.Compute("ewma(x, 1s)").ShouldBe(Column.Of([8.0, 4, 1]).Compute("ewma(x, 1s)"));
    }

    [Fact]
    public void Drawdown_is_the_greatest_fall_and_not_the_fall_from_the_greatest()
    {
        // From 10 to 1 falls 9; from the later maximum 12 to 8 only 4.
        Column.Of([3.0, 10, 4, 1, 6, 12, 8]).Compute("drawdown(x)").Scalar.ShouldBe(Value.Of(9.0));
        Column.Of([3L, 10, 4, 1, 6, 12, 8]).Compute("drawdown(x)").Scalar.ShouldBe(Value.Of(9L));
    }

    [Fact]
    public void Integers_stay_integers_beyond_2_to_the_53()
    {
        Column column = Column.Of(long.MaxValue - 1, long.MaxValue, long.MaxValue - 1, 5);
        column.Compute("max(x)").Scalar.ShouldBe(Value.Of(long.MaxValue));
        column.Compute("mode(x)").Scalar.ShouldBe(Value.Of(long.MaxValue - 1));
        column.Compute("delta(x)").Scalar.ShouldBe(Value.Of(6 - long.MaxValue));
        column.Compute("percentile_disc(x, 0.5)").Scalar.ShouldBe(Value.Of(long.MaxValue - 1));
        column.Compute("distinct_count(x)").Scalar.ShouldBe(Value.Of(3L));
        column.Compute("drawdown(x)").Scalar.ShouldBe(Value.Of(long.MaxValue - 5));
    }

    [Theory]
    [InlineData("sum(x)")]
    [InlineData("delta(x)")]
    [InlineData("drawdown(x)")]
    public void What_an_int64_cannot_hold_is_invalid(string aggregate) =>
        Column.Of(long.MaxValue, aggregate.StartsWith('s') ? 1 : long.MinValue).Compute(aggregate).ShouldBe(FeatureValue.Invalid);

    [Theory]
    [InlineData("sum(x)")]
    [InlineData("delta(x)")]
    [InlineData("drawdown(x)")]
    [InlineData("var_pop(x)")]
    [InlineData("skew(x)")]
    [InlineData("slope(x)")]
    public void What_a_double_cannot_hold_is_invalid(string aggregate)
    {
        double[] values = aggregate switch
        {
            "sum(x)" => [double.MaxValue, double.MaxValue, 0],
            "delta(x)" => [-double.MaxValue, 0, double.MaxValue],
            _ => [double.MaxValue, 0, -double.MaxValue],
        };
        Column.Of(values).Compute(aggregate).ShouldBe(FeatureValue.Invalid);
    }

    [Fact]
    public void Equal_values_have_no_spread_whatever_their_mean_rounds_to()
    {
        // 0.1 + 0.1 + 0.1 is 0.30000000000000004, a third of which is not 0.1.
        Column column = Column.Of([0.1, 0.1, 0.1]);
        column.Compute("var_samp(x)").Scalar.ShouldBe(Value.Of(0.0));
        column.Compute("stddev_pop(x)").Scalar.ShouldBe(Value.Of(0.0));
        column.Compute("slope(x)").Scalar.ShouldBe(Value.Of(0.0));
        column.Compute("entropy(x)").Scalar.ShouldBe(Value.Of(0.0));
        column.Compute("skew(x)").ShouldBe(FeatureValue.Null);
        Column.Of([0.1, 0.1, 0.1, 0.1]).Compute("kurtosis(x)").ShouldBe(FeatureValue.Null);
    }

    [Fact]
    public void Too_few_values_give_null()
    {
        Column.Of([1.0, 2]).Compute("skew(x)").ShouldBe(FeatureValue.Null);
        Column.Of([1.0, 2, 4]).Compute("kurtosis(x)").ShouldBe(FeatureValue.Null);
        Column.Of([1.0]).Compute("var_samp(x)").ShouldBe(FeatureValue.Null);
        Column.Of([1.0]).Compute("slope(x)").ShouldBe(FeatureValue.Null);
        Column.Of([1.0]).Compute("rate").ShouldBe(FeatureValue.Null);
        new Column(FieldType.Double, [new(7, Value.Of(1.0)), new(7, Value.Of(3.0))]).Compute("slope(x)").ShouldBe(FeatureValue.Null);
    }

    [Fact]
    public void Any_and_all_are_or_and_and()
    {
        Column.Of(false, true, false).Compute("any(x)").Scalar.ShouldBe(Value.Of(true));
        Column.Of(false, true, false).Compute("all(x)").Scalar.ShouldBe(Value.Of(false));
        Column.Of(false, false).Compute("any(x)").Scalar.ShouldBe(Value.Of(false));
        Column.Of(true, true).Compute("all(x)").Scalar.ShouldBe(Value.Of(true));
        Column.Of(false, true, true).Compute("sum(x)").Scalar.ShouldBe(Value.Of(2L));
    }

    [Fact]
    public void Top_k_puts_the_most_frequent_first_and_ties_in_order()
    {
        Value[] expected = [Value.Of("b"), Value.Of(3L), Value.Of("A"), Value.Of(2L), Value.Of("a"), Value.Of(2L)];
        Column.Of("b", "a", "z", "A", "b", "a", "A", "b").Compute("top_k(x, 3)").List.ShouldBe(expected);
        Column.Of("b", "a", "z", "A", "b", "a", "A", "b").Compute("mode(x)").Scalar.ShouldBe(Value.Of("b"));
        Column.Of([2.0, 1, 2, 1, 3]).Compute("mode(x)").Scalar.ShouldBe(Value.Of(1.0));
        Column.Of([2L, 1, 2]).Compute("top_k(x, 9)").List.ShouldBe([Value.Of(2L), Value.Of(2L), Value.Of(1L), Value.Of(1L)]);
    }

    [Fact]
    public void A_histogram_counts_a_bound_in_the_bin_below_it()
    {
        Column.Of([-1.0, 10, 10.5, 100, 101]).Compute("histogram(x, 10, 100)").List.ShouldBe([Value.Of(2L), Value.Of(2L), Value.Of(1L)]);
        Column.Of(10, 11, long.MaxValue).Compute("histogram(x, 10.5, 1e19)").List.ShouldBe([Value.Of(1L), Value.Of(2L), Value.Of(0L)]);
        Column.Of(long.MinValue, 0).Compute("histogram(x, -1e19, -9.223372036854775808e18)").List.ShouldBe([Value.Of(0L), Value.Of(1L), Value.Of(1L)]);
    }

    [Fact]
    public void Texts_are_ordered_by_their_bytes_and_not_by_when_they_came()
    {
        // In UTF-16 the surrogate pair would come first.
        Column column = Column.Of("\U0001F600", "\uFF5E", "m", "\uFF5E");
        column.Compute("min(x)").Scalar.ShouldBe(Value.Of("m"));
        column.Compute("max(x)").Scalar.ShouldBe(Value.Of("\U0001F600"));
        column.Compute("distinct_count(x)").Scalar.ShouldBe(Value.Of(3L));
        column.Compute("entropy(x)").Scalar.Double.ShouldBe(1.5, 1e-15);
        column.Compute("last_n(x, 2)").List.ShouldBe([Value.Of("\uFF5E"), Value.Of("m")]);
    }

    [Fact]
    public void Both_zeros_are_one_value()
    {
        Column column = Column.Of([-0.0, 0.0, -0.0]);
        foreach (string aggregate in (string[])["min(x)", "max(x)", "mode(x)", "percentile_disc(x, 0.5)"])
        {
            column.Compute(aggregate).Scalar.ShouldBe(Value.Of(0.0), aggregate);
        }

        column.Compute("distinct_count(x)").Scalar.ShouldBe(Value.Of(1L));
    }

    [Fact]
    public void Rates_are_per_second_of_the_window()
    {
        NaiveRow[] rows = [new(4 * Column.Second, Value.Of(3L)), new(6 * Column.Second, Value.Of(4L))];
        var sliding = new Column(FieldType.Int64, rows, new WindowSpan(20 * Column.Second, 0, 10 * Column.Second));
        sliding.Compute("rate").Scalar.ShouldBe(Value.Of(0.2));
        sliding.Compute("rate(x)").Scalar.ShouldBe(Value.Of(0.7));
        var lifetime = new Column(FieldType.Int64, rows, new WindowSpan(20 * Column.Second, WindowSpan.NoStart, 8 * Column.Second));
        lifetime.Compute("rate").Scalar.ShouldBe(Value.Of(0.5));
    }

    [Fact]
    public void Time_since_last_is_taken_to_the_instant_asked_for_and_passes_over_nulls()
    {
        NaiveRow[] rows = [new(4 * Column.Second, Value.Of(3L)), new(6 * Column.Second, Value.Null)];
        var delayed = new Column(FieldType.Int64, rows, new WindowSpan(20 * Column.Second, 0, 10 * Column.Second));
        delayed.Compute("time_since_last").Scalar.ShouldBe(Value.Of(14.0));
        delayed.Compute("time_since_last(x)").Scalar.ShouldBe(Value.Of(16.0));
    }

    [Fact]
    public void An_empty_window_counts_zero_and_knows_nothing_else()
    {
        foreach (string name in AggregateCall.Names)
        {
            string text = name switch
            {
                "percentile" or "percentile_disc" => $"{name}(x, 0.5)",
                "first_n" or "last_n" or "top_k" or "histogram" => $"{name}(x, 5)",
                "ewma" => "ewma(x, 1h)",
                "max_by" or "min_by" => $"{name}(x, x)",
                "max_n_by" or "min_n_by" => $"{name}(x, x, 5)",
                _ => $"{name}(x)",
            };
            FeatureValue expected = name is "count" or "distinct_count" ? FeatureValue.Of(Value.Of(0L)) : FeatureValue.Null;
            Column.Of(Array.Empty<double>()).Compute(text).ShouldBe(expected, text);
        }
    }
}
