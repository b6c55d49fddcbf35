using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// The sums Σ w x and Σ w of an exponentially weighted mean, with weights w = 2^((t - reference) / half-life) and the newest time seen as reference. A newer reference
/// scales both sums by one factor, which the mean does not notice; so rows in any order and merges of any times are exact but for rounding, and no row is moved to its bucket's time.
/// </summary>
internal sealed class DecayedMean(double halfLifeMicros) : IStatistic
{
    private readonly double _rate = Trends.DecayRate(halfLifeMicros);
    private long _reference = long.MinValue;
    private double _high;
    private double _low;
    private double _weights;

    public double Mean => (_high + _low) / _weights;

    public long Bytes => ObjectBytes.Of(fields: 5);

    public void Add(in StatisticRow row) => Merge(row.Time, row.Number, 0, 1);

    public void Merge(IStatistic other)
    {
        var mean = (DecayedMean)other;
        if (mean._weights > 0)
        {
            Merge(mean._reference, mean._high, mean._low, mean._weights);
        }
    }

    public void Save(StateWriter to)
    {
        to.Int64(_reference);
        to.Double(_high);
        to.Double(_low);
        to.Double(_weights);
    }

    public static DecayedMean Load(ref StateReader from, double halfLifeMicros) =>
        new(halfLifeMicros) { _reference = from.Int64(), _high = from.Double(), _low = from.Double(), _weights = from.Double() };

    private void Merge(long reference, double high, double low, double weights)
    {
        if (_weights > 0 && reference > _reference)
        {
            double scale = Trends.Decay(_rate, reference - _reference);
            (_high, _low, _weights) = (_high * scale, _low * scale, _weights * scale);
        }

        _reference = Math.Max(_reference, reference);
        double weight = Trends.Decay(_rate, _reference - reference);
        Sums.Add(ref _high, ref _low, weight * high);
        _low += weight * low;
        _weights += weight * weights;
    }
}
