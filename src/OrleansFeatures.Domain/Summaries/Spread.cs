using OrleansFeatures.Domain.Aggregates;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// The moments of numbers (Pébay's formulas, in <see cref="Aggregates.Moments"/>), taken of the distances from the first number that came: variance, skewness and
/// kurtosis do not change by it, and numbers that differ little but lie far from zero keep their digits. Exact but for rounding.
/// </summary>
internal sealed class Spread : IStatistic
{
    private double _reference;
    private Moments _moments;

    /// <summary>Of the distances; the mean is not that of the numbers.</summary>
    public Moments Moments => _moments;

    public long Bytes => ObjectBytes.Of(fields: 6);

    public void Add(in StatisticRow row) => Merge(row.Number, new Moments(Count: 1, Mean: 0, M2: 0, M3: 0, M4: 0));

    public void Merge(IStatistic other)
    {
        var spread = (Spread)other;
        if (spread._moments.Count > 0)
        {
            Merge(spread._reference, spread._moments);
        }
    }

    private void Merge(double reference, Moments moments)
    {
        _reference = _moments.Count == 0 ? reference : _reference;
        _moments = Moments.Merge(_moments, moments with { Mean = moments.Mean + (reference - _reference) });
    }
}
