using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Saving;

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

    public void Save(StateWriter to)
    {
        to.Double(_reference);
        to.Double(_moments.Mean);
        to.Double(_moments.M2);
        to.Double(_moments.M3);
        to.Double(_moments.M4);
    }

    public static Spread Load(ref StateReader from, long rows) => new()
    {
        _reference = from.Double(),
        _moments = new Moments(rows, Mean: from.Double(), M2: from.Double(), M3: from.Double(), M4: from.Double()),
    };

    private void Merge(double reference, Moments moments)
    {
        _reference = _moments.Count == 0 ? reference : _reference;
        _moments = Moments.Merge(_moments, moments with { Mean = moments.Mean + (reference - _reference) });
    }
}
