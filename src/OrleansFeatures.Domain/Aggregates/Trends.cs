using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>What follows from the order and the times of the values: formulas in <see cref="AggregateKind"/>. Spans are not empty, oldest first, and of one length.</summary>
internal static class Trends
{
    /// <summary>
    /// Weights are taken relative to the newest event, whose weight is then 1 whatever the instant of the read. From where weights are below the least double on, nothing older
    /// counts.
    /// </summary>
    public static double Ewma(ReadOnlySpan<double> values, ReadOnlySpan<long> times, double halfLifeMicros)
    {
        long newest = times[^1];
        double rate = DecayRate(halfLifeMicros);
        (double high, double low, double weights) = (0, 0, 0);
        double weight = 1;
        for (int row = values.Length - 1; row >= 0 && weight > 0; row--)
        {
            weight = Decay(rate, newest - times[row]);
            weights += weight;
            Sums.Add(ref high, ref low, weight * values[row]);
        }

        return (high + low) / weights;
    }

    /// <summary>
    /// Times are taken relative to the first and then to their mean, values to the first and then to theirs: no difference of large sums, and a constant has slope zero exactly.
    /// What the two means lack to their last bit enters the sum of products only as their product, which is beneath its rounding.
    /// </summary>
    public static double? Slope(ReadOnlySpan<double> values, ReadOnlySpan<long> times)
    {
        if (times[0] == times[^1])
        {
            return null;
        }

        (double timeMean, double valueMean) = MeansFromFirst(values, times);
        double timeSquares = 0;
        (double high, double low) = (0, 0);
        for (int row = 0; row < values.Length; row++)
        {
            double time = times[row] - times[0] - timeMean;
            double value = values[row] - values[0] - valueMean;
            timeSquares += time * time;
            Sums.Add(ref high, ref low, time * value);
        }

        return (high + low) / timeSquares * WindowSpan.MicrosPerSecond;
    }

    /// <summary>The exponent per microsecond at which weights halve with every half-life.</summary>
    public static double DecayRate(double halfLifeMicros) => -Math.Log(2) / halfLifeMicros;

    /// <summary>The weight of an event that is so much older than the one of weight 1.</summary>
    public static double Decay(double rate, long ageMicros) => Math.Exp(rate * ageMicros);

    public static double Drawdown(ReadOnlySpan<double> values)
    {
        double greatest = values[0];
        double fall = 0;
        foreach (double value in values)
        {
            greatest = Math.Max(greatest, value);
            fall = Math.Max(fall, greatest - value);
        }

        return fall;
    }

    /// <summary>Two int64 may lie further apart than an int64 reaches.</summary>
    public static FeatureValue Drawdown(ReadOnlySpan<long> values)
    {
        long greatest = values[0];
        ulong fall = 0;
        foreach (long value in values)
        {
            greatest = Math.Max(greatest, value);
            fall = Math.Max(fall, (ulong)greatest - (ulong)value);
        }

        return fall > long.MaxValue ? FeatureValue.Invalid : FeatureValue.Of(Value.Of((long)fall));
    }

    public static FeatureValue Delta(long first, long last) => Answer.Of((Int128)last - first);

    private static (double Time, double Value) MeansFromFirst(ReadOnlySpan<double> values, ReadOnlySpan<long> times)
    {
        double n = values.Length;
        double time = (double)(Sums.Of(times) - (values.Length * (Int128)times[0])) / n;
        (double high, double low) = (0, 0);
        foreach (double value in values)
        {
            Sums.Add(ref high, ref low, value - values[0]);
        }

        return (time, (high + low) / n);
    }
}
