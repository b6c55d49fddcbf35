using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Aggregates;

/// <summary>How definitions spell aggregates, and what is said of wrong spellings.</summary>
public sealed class AggregateCallTests
{
    [Theory]
    [InlineData("count", AggregateKind.Count, null, 0)]
    [InlineData("count( x )", AggregateKind.Count, "x", 0)]
    [InlineData("rate", AggregateKind.Rate, null, 0)]
    [InlineData("rate(x)", AggregateKind.Rate, "x", 0)]
    [InlineData("time_since_last()", AggregateKind.TimeSinceLast, null, 0)]
    [InlineData(" percentile(x, 0.95) ", AggregateKind.Percentile, "x", 0.95)]
    [InlineData("top_k(x, 3)", AggregateKind.TopK, "x", 3)]
    [InlineData("ewma(x, 90m)", AggregateKind.Ewma, "x", 90.0 * 60 * 1_000_000)]
    [InlineData("all(x)", AggregateKind.All, "x", 0)]
    public void A_call_is_read(string text, AggregateKind kind, string? field, double argument) =>
        AggregateCall.Parse(text, out _, out _).ShouldBe(new AggregateCall(kind, field, argument));

    [Fact]
    public void A_call_that_chooses_events_by_another_field_names_it()
    {
        AggregateCall.Parse("max_by(id, price)", out _, out _).ShouldBe(new AggregateCall(AggregateKind.MaxBy, "id", 0, OrderBy: "price"));
        AggregateCall.Parse("min_n_by(id, price, 10)", out _, out _).ShouldBe(new AggregateCall(AggregateKind.MinNBy, "id", 10, OrderBy: "price"));
    }

    [Theory]
    [InlineData("max_by(x)", "max_by got 1 arguments", "max_by(field, other_field)")]
    [InlineData("max_n_by(x, y)", "max_n_by got 2 arguments", "max_n_by(field, other_field, 5)")]
    [InlineData("min_n_by(x, y, 0)", "min_n_by cannot take '0'", "1 to 1000")]
    [InlineData("mean", "mean got 0 arguments", "mean(field)")]
    [InlineData("mean()", "mean got 0 arguments", "mean(field)")]
    [InlineData("mean(x, y)", "mean got 2 arguments", "mean(field)")]
    [InlineData("mean(x,)", "mean got 2 arguments", "mean(field)")]
    [InlineData("rate(x, y)", "rate got 2 arguments", "rate or rate(field)")]
    [InlineData("top_k(x)", "top_k got 1 arguments", "top_k(field, 5)")]
    [InlineData("top_k(x, 0)", "top_k cannot take '0'", "1 to 1000")]
    [InlineData("top_k(x, 2.5)", "top_k cannot take '2.5'", "whole number")]
    [InlineData("percentile(x, 95)", "percentile cannot take '95'", "0 to 1")]
    [InlineData("percentile(x, nan)", "percentile cannot take 'nan'", "0 to 1")]
    [InlineData("ewma(x)", "ewma got 1 arguments", "ewma(field, 1h)")]
    [InlineData("ewma(x, 60)", "ewma cannot take '60'", "30m or 1h")]
    [InlineData("ewma(x, 0s)", "ewma cannot take '0s'", "30m or 1h")]
    [InlineData("histogram(x)", "histogram got 1 arguments", "histogram(field, 10, 100, 1000)")]
    [InlineData("histogram(x, 10, ten)", "histogram cannot take 'ten'", "ascend")]
    [InlineData("histogram(x, 10, 5)", "histogram cannot take '5'", "ascend")]
    [InlineData("histogram(x, 1, 1)", "histogram cannot take '1'", "ascend")]
    [InlineData("histogram(x, Infinity)", "histogram cannot take 'Infinity'", "ascend")]
    [InlineData("drawdwn(x)", "there is no aggregate 'drawdwn'", "'drawdown'")]
    [InlineData("slope(x", "no closing parenthesis", "slope(field)")]
    public void A_wrong_call_is_told_what_is_wrong_and_what_would_be_right(string text, string message, string suggestion)
    {
        AggregateCall.Parse(text, out string wrong, out string right).ShouldBeNull();
        wrong.ShouldContain(message);
        right.ShouldContain(suggestion);
    }

    [Fact]
    public void A_histogram_has_a_bounded_number_of_bounds()
    {
        string Bounds(int count) => string.Join(", ", Enumerable.Range(1, count));
        Column.Call($"histogram(x, {Bounds(Limits.HistogramBoundsMax)})").Bounds!.BinCount.ShouldBe(Limits.HistogramBoundsMax + 1);
        AggregateCall.Parse($"histogram(x, {Bounds(Limits.HistogramBoundsMax + 1)})", out string message, out _).ShouldBeNull();
        message.ShouldContain($"'{Limits.HistogramBoundsMax + 1}'");
    }

    [Fact]
    public void Equal_calls_are_equal_histograms_included()
    {
        Column.Call("histogram(x, 1, 2.5)").ShouldBe(Column.Call("histogram( x , 1.0 , 2.5 )"));
        Column.Call("histogram(x, 1, 2.5)").GetHashCode().ShouldBe(Column.Call("histogram(x, 1, 2.5)").GetHashCode());
        Column.Call("histogram(x, 1, 2.5)").ShouldNotBe(Column.Call("histogram(x, 1, 2)"));
        Column.Call("ewma(x, 60m)").ShouldBe(Column.Call("ewma(x, 1h)"));
    }

    [Fact]
    public void Every_aggregate_has_a_name()
    {
        foreach (AggregateKind kind in Enum.GetValues<AggregateKind>())
        {
            string name = new AggregateCall(kind, "x", 0).Name;
            name.Replace("_", "", StringComparison.Ordinal).ShouldBe(kind.ToString(), StringCompareShould.IgnoreCase);
            AggregateCall.Names.ShouldContain(name);
        }
    }

    [Theory]
    [InlineData("sum(x)", "int64 int64, double double, bool int64")]
    [InlineData("mean(x)", "int64 double, double double, bool double")]
    [InlineData("kurtosis(x)", "int64 double, double double, bool double")]
    [InlineData("slope(x)", "int64 double, double double, bool double")]
    [InlineData("rate(x)", "int64 double, double double, bool double")]
    [InlineData("rate", "int64 double, double double, string double, bool double, timestamp double")]
    [InlineData("delta(x)", "int64 int64, double double")]
    [InlineData("drawdown(x)", "int64 int64, double double")]
    [InlineData("histogram(x, 1)", "int64 int64, double int64")]
    [InlineData("any(x)", "bool bool")]
    [InlineData("percentile_disc(x, 0.5)", "int64 int64, double double, bool bool, timestamp timestamp")]
    [InlineData("mode(x)", "int64 int64, double double, string string, bool bool, timestamp timestamp")]
    [InlineData("top_k(x, 2)", "int64 int64, double int64, string int64, bool int64, timestamp int64")]
    [InlineData("entropy(x)", "int64 double, double double, string double, bool double, timestamp double")]
    public void Each_takes_the_fields_it_makes_sense_for(string text, string expected)
    {
        AggregateCall call = Column.Call(text);
        FieldType[] types = [.. Enum.GetValues<FieldType>().Where(type => type != FieldType.Null && call.ResultType(type) is not null)];
        string.Join(", ", types.Select(type => $"{type.Name()} {call.ResultType(type)!.Value.Name()}")).ShouldBe(expected);
    }

    [Theory]
    [InlineData("count(x)", FieldType.String, true)]
    [InlineData("min(x)", FieldType.String, false)]
    [InlineData("min(x)", FieldType.Timestamp, true)]
    [InlineData("all(x)", FieldType.Bool, true)]
    [InlineData("rate", FieldType.Timestamp, true)]
    [InlineData("skew(x)", FieldType.Double, true)]
    [InlineData("median(x)", FieldType.Double, false)]
    public void Chunks_sum_up_what_follows_from_totals(string text, FieldType type, bool folded) => Column.Call(text).IsFoldedOver(type).ShouldBe(folded);

    [Fact]
    public void Lists_and_maps_say_so()
    {
        Column.Call("last_n(x, 2)").Shape.ShouldBe(FeatureShape.List);
        Column.Call("histogram(x, 2)").Shape.ShouldBe(FeatureShape.List);
        Column.Call("top_k(x, 2)").Shape.ShouldBe(FeatureShape.Map);
        Column.Call("mode(x)").Shape.ShouldBe(FeatureShape.Scalar);
    }
}
