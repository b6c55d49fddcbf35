using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Aggregates;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Summaries;

/// <summary>What a summary's answer may be, given its rows: the oracle's where its status is Present, within the sketch's bound where it is Approximate.</summary>
internal static class SummaryBounds
{
    /// <summary>Null when the answer is in order.</summary>
    public static string? Wrong(AggregateCall call, FeatureValue actual, List<NaiveRow> all, WindowSpan span, bool ordered)
    {
        object? exact = NaiveOracle.Compute(call, all, span);
        List<Value> values = [.. all.Where(row => call.Field is null || !row.Value.IsNull).Select(row => Plain(row.Value))];
        bool isRight = actual.Status != FeatureStatus.Approximate
            ? AggregateOracleTests.Same(actual, exact) && !IsNeverExact(call.Kind, values)
            : call.Kind switch
            {
                AggregateKind.DistinctCount => values.Distinct().Count() > 512 && Math.Abs(actual.Scalar.Int64 - (long)exact!) <= 0.06 * (long)exact,
                AggregateKind.Percentile => Between(actual.Scalar, values, call.Argument),
                AggregateKind.Median => Between(actual.Scalar, values, 0.5),
                AggregateKind.PercentileDisc => Within(actual.Scalar, Number((Value)exact!)),
                AggregateKind.Mode => IsFrequent(actual.Scalar, values),
                AggregateKind.TopK => AreFrequent(actual.List!, values, (int)call.Argument),
                AggregateKind.Entropy => values.Distinct().Count() > Limits.FrequentValuesMax && Math.Abs(actual.Scalar.Double - (double)exact!) < 0.05 * (double)exact,
                AggregateKind.Drawdown => !ordered && IsUpperBound(actual.Scalar, exact, values),
                _ => false,
            };
        return isRight ? null : $"{AggregateOracleTests.Show(actual)}, the oracle says {AggregateOracleTests.Show(exact)} over {values.Count} values";
    }

    private static bool IsNeverExact(AggregateKind kind, List<Value> values) =>
        values.Count > 0 && kind is AggregateKind.Percentile or AggregateKind.PercentileDisc or AggregateKind.Median && values.Count > 0;

    private static bool Between(Value actual, List<Value> values, double fraction)
    {
        double[] sorted = [.. values.Select(Number).Order()];
        double rank = fraction * (sorted.Length - 1);
        double low = sorted[(int)Math.Floor(rank)];
        double high = sorted[(int)Math.Ceiling(rank)];
        double exact = low + ((rank - Math.Floor(rank)) * (high - low));
        return Math.Abs(actual.Double - exact) <= (0.01001 * Math.Max(Math.Abs(low), Math.Abs(high))) + 1e-12;
    }

    private static bool Within(Value actual, double exact) =>
        Math.Abs(Number(actual) - exact) <= (0.01001 * Math.Abs(exact)) + (actual.Type == FieldType.Double ? 0 : 0.5);

    private static bool IsFrequent(Value actual, List<Value> values) =>
        values.Count(value => value == actual) >= values.CountBy(value => value).Max(pair => pair.Value) - (values.Count / (double)Limits.FrequentValuesMax);

    private static bool AreFrequent(Value[] map, List<Value> values, int k)
    {
        Dictionary<Value, int> exact = values.CountBy(value => value).ToDictionary();
        double bound = values.Count / (double)Limits.FrequentValuesMax;
        return exact.Count > Limits.FrequentValuesMax && map.Length == 2 * Math.Min(k, Limits.FrequentValuesMax)
            && map.Chunk(2).All(pair => pair[1].Int64 >= exact[pair[0]] && pair[1].Int64 <= exact[pair[0]] + bound);
    }

    private static bool IsUpperBound(Value actual, object? exact, List<Value> values) =>
        Number(actual) >= Number(exact is Value value ? value : exact is long whole ? Value.Of(whole) : Value.Of((double)exact!))
        && Number(actual) <= values.Max(Number) - values.Min(Number);

    private static double Number(Value value) => value.Type == FieldType.Double ? value.Double : value.Bits;

    private static Value Plain(Value value) => value.Type == FieldType.Double && value.Double == 0 ? Value.Of(0.0) : value;
}
