using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Summaries;
using OrleansFeatures.Domain.Tests.Aggregates;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Summaries;

public sealed class SummaryTests
{
    private static readonly WindowSpan Span = new(AsOf: 100 * Column.Second, After: WindowSpan.NoStart, Through: 90 * Column.Second);

    [Fact]
    public void Nothing_taken_in_is_an_empty_window()
    {
        foreach (string aggregate in (string[])["count", "count(x)", "distinct_count(x)"])
        {
            Compute(aggregate, FieldType.Double, []).ShouldBe(FeatureValue.Of(Value.Of(0L)), aggregate);
        }

        foreach (string aggregate in (string[])["sum(x)", "min(x)", "var_pop(x)", "last_n(x, 3)", "median(x)", "top_k(x, 3)", "rate", "time_since_last", "drawdown(x)", "entropy(x)"])
        {
            Compute(aggregate, FieldType.Double, []).ShouldBe(FeatureValue.Null, aggregate);
            Compute(aggregate, FieldType.Double, [new NaiveRow(1, Value.Null)]).ShouldBe(aggregate is "rate" or "time_since_last" ? Compute(aggregate, FieldType.Double, [new NaiveRow(1, Value.Of(1.0))]) : FeatureValue.Null, aggregate);
        }

        SummaryFixture maps = SummaryFixture.By("count", FieldType.Double, FieldType.String);
        maps.Of([new NaiveRow(1, Value.Of(1.0))]).Compute(maps.Features[0], Span).ShouldBe(FeatureValue.Null, "no row has a category");
    }

    [Fact]
    public void Features_with_the_same_rows_share_one_set_of_statistics()
    {
        SummaryFixture fixture = SummaryFixture.OfAll(FieldType.Double, FieldType.String);
        fixture.Plan.Specs.Select(spec => (spec.Column, spec.FilterBits, spec.By, spec.OrderBy)).ShouldBeUnique();
        fixture.Plan.Specs.Length.ShouldBe(12, "x or no field, and x chosen by category or by x, times all, filtered or by category");
        SummarySpec all = fixture.Plan.Specs[fixture.Plan.SpecOf(fixture.Features.First(feature => feature.Name == "sum(x)"))];
        all.Statistics.ShouldBeUnique();
        all.Statistics.Single(statistic => statistic.Kind == StatisticKind.Newest).Argument.ShouldBe(5);
        all.Statistics.Count(statistic => statistic.Kind == StatisticKind.DecayedMean).ShouldBe(2, "one for each half-life");
        Should.Throw<InvariantException>(() => fixture.Plan.SpecOf(fixture.Features[0] with { Column = 7 }));
    }

    [Fact]
    public void A_row_counts_where_its_flags_have_every_bit_of_the_filter()
    {
        SummaryFixture fixture = SummaryFixture.OfAll(FieldType.Int64, FieldType.String);
        NaiveRow row = new(5, Value.Of(7L));
        Summary summary = fixture.Of([(row, 1, 0), (row, 2, SummaryFixture.Filter), (row, 3, 2), (row, 4, 3)]);
        summary.Compute(fixture.Features.First(feature => feature.Name == "count"), Span).ShouldBe(FeatureValue.Of(Value.Of(4L)));
        summary.Compute(fixture.Features.First(feature => feature.Name == "count filtered"), Span).ShouldBe(FeatureValue.Of(Value.Of(2L)));
    }

    [Fact]
    public void What_is_merged_stays_as_it_was_and_shares_nothing()
    {
        SummaryFixture fixture = SummaryFixture.OfAll(FieldType.String, FieldType.Int64);
        NaiveRow[] rows = [.. Enumerable.Range(0, 40).Select(row => new NaiveRow(row, Value.Of($"t{row % 7}"), Value.Of((long)row % 3)))];
        Summary bucket = fixture.Of(rows);
        FeatureValue[] before = [.. fixture.Features.Select(feature => bucket.Compute(feature, Span))];
        var read = new Summary(fixture.Plan);
        read.Merge(bucket);
        fixture.Features.Select(feature => read.Compute(feature, Span)).ShouldBe(before);
        read.Merge(fixture.Of([.. rows.Select(row => row with { Time = row.Time + 100, Value = Value.Of("later") })]));
        fixture.Features.Select(feature => bucket.Compute(feature, Span)).ShouldBe(before);
    }

    [Fact]
    public void One_spec_alone_can_be_read()
    {
        SummaryFixture fixture = SummaryFixture.OfAll(FieldType.Int64, FieldType.String);
        FeaturePlan sum = fixture.Features.First(feature => feature.Name == "sum(x)");
        int spec = fixture.Plan.SpecOf(sum);
        var read = new Summary(fixture.Plan);
        read.Merge(fixture.Of([new NaiveRow(1, Value.Of(3L)), new NaiveRow(2, Value.Of(4L))]), spec);
        read.Add(new SummaryRow(3, EventId.Of(3), 0, [Value.Of(5L), Value.Null]), spec);
        read.Compute(sum, Span).ShouldBe(FeatureValue.Of(Value.Of(12L)));
        read.Compute(fixture.Features.First(feature => feature.Name == "count"), Span).ShouldBe(FeatureValue.Of(Value.Of(0L)), "that one is another spec");
    }

    [Fact]
    public void Spread_and_trend_far_from_zero_keep_their_digits()
    {
        // Half-and-half of 0 and 1, a billion away, in 2026: variance 1/4 to the bit, slope as near zero.
        NaiveRow[] rows = [.. Enumerable.Range(0, 10_000).Select(row => new NaiveRow(1_795_000_000_000_000 + (row * 1_000L), Value.Of(1e9 + (row & 1))))];
        foreach ((string aggregate, double expected) in new[] { ("var_pop(x)", 0.25), ("kurtosis(x)", (double)NaiveOracle.Compute(Column.Call("kurtosis(x)"), [.. rows], Span)!) })
        {
            Compute(aggregate, FieldType.Double, rows).Scalar.Double.ShouldBe(expected, 1e-12, aggregate);
        }

        Compute("slope(x)", FieldType.Double, rows).Scalar.Double.ShouldBe((double)NaiveOracle.Compute(Column.Call("slope(x)"), [.. rows], Span)!, 1e-15);
    }

    [Fact]
    public void An_average_that_decays_is_exact_over_any_number_of_half_lives()
    {
        NaiveRow[] rows = [.. Enumerable.Range(0, 5_000).Select(row => new NaiveRow(row * Column.Second, Value.Of((double)(row % 17))))];
        foreach (string aggregate in (string[])["ewma(x, 1ms)", "ewma(x, 10s)", "ewma(x, 3650d)"])
        {
            double expected = (double)NaiveOracle.Compute(Column.Call(aggregate), [.. rows], Span with { Through = rows[^1].Time })!;
            Compute(aggregate, FieldType.Double, rows).Scalar.Double.ShouldBe(expected, 1e-12, aggregate);
            Compute(aggregate, FieldType.Double, rows.Reverse()).Scalar.Double.ShouldBe(expected, 1e-12, $"{aggregate}, newest first");
        }
    }

    [Fact]
    public void A_drawdown_is_exact_until_a_row_falls_between_others()
    {
        Compute("drawdown(x)", FieldType.Int64, At((1, 5), (2, 9), (3, 2), (4, 8))).ShouldBe(FeatureValue.Of(Value.Of(7L)));
        Compute("drawdown(x)", FieldType.Int64, At((2, 9), (3, 4), (4, 8), (1, 30))).ShouldBe(FeatureValue.Of(Value.Of(26L)), "older than all is in order too");
        Compute("drawdown(x)", FieldType.Int64, At((2, 9), (4, 4), (3, 1))).ShouldBe(new FeatureValue(FeatureStatus.Approximate, Value.Of(8L), null));
        Compute("drawdown(x)", FieldType.Int64, At((1, long.MaxValue), (2, long.MinValue))).ShouldBe(FeatureValue.Invalid);
    }

    [Fact]
    public void Sums_beyond_the_type_are_invalid()
    {
        Compute("sum(x)", FieldType.Int64, At((1, long.MaxValue), (2, 1))).ShouldBe(FeatureValue.Invalid);
        Compute("sum(x)", FieldType.Int64, At((1, long.MaxValue), (2, 1), (3, -1))).ShouldBe(FeatureValue.Of(Value.Of(long.MaxValue)));
        Compute("sum(x)", FieldType.Double, [new NaiveRow(1, Value.Of(double.MaxValue)), new NaiveRow(2, Value.Of(double.MaxValue))]).ShouldBe(FeatureValue.Invalid);
    }

    [Fact]
    public void Small_integers_have_exact_percentiles()
    {
        NaiveRow[] rows = At([.. Enumerable.Range(-49, 99).Select(value => (value + 100, (long)value))]);
        for (int percent = 0; percent <= 100; percent++)
        {
            string aggregate = $"percentile_disc(x, {percent / 100.0})";
            Compute(aggregate, FieldType.Int64, rows).Scalar.ShouldBe((Value)NaiveOracle.Compute(Column.Call(aggregate), [.. rows], Span)!, aggregate);
        }
    }

    [Fact]
    public void Which_aggregates_are_always_exact_is_known_beforehand()
    {
        SummaryFixture fixture = SummaryFixture.OfAll(FieldType.Double, FieldType.String);
        fixture.Features.Where(feature => !Summary.IsExact(feature) && feature.By < 0).Select(feature => feature.Aggregate.Name).Distinct().Order().ShouldBe(
            ["distinct_count", "drawdown", "entropy", "median", "mode", "percentile", "percentile_disc", "top_k"]);
        fixture.Features.Where(feature => feature.By >= 0).ShouldAllBe(feature => !Summary.IsExact(feature));
    }

    private static NaiveRow[] At(params (long Time, long Value)[] rows) => [.. rows.Select(row => new NaiveRow(row.Time, Value.Of(row.Value)))];

    private static FeatureValue Compute(string aggregate, FieldType type, IEnumerable<NaiveRow> rows)
    {
        SummaryFixture fixture = SummaryFixture.Of(aggregate, type);
        return fixture.Of(rows).Compute(fixture.Features[0], Span);
    }
}
