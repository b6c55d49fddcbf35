using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// Quantiles with a relative error of 1 % of the value. Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
/// guarantees", PVLDB 12 (2019).
/// </summary>
/// <remarks>
/// <para>
/// A positive value v counts in bin ceil(log_g v) with g = (1 + a) / (1 - a) and a = 1 %. A bin is answered by 2·g^i / (g + 1), which lies within a·v of
/// every v in it. Negative values have bins of their own by magnitude, zeros a counter. The least and greatest value are kept as they are, and bound every answer.
/// </para>
/// <code>
///   negative            zeros             positive
///   [..., -g², -g)        n       ... (1, g] (g, g²] (g², g³] ...       each bin 2 % wide
/// </code>
/// <para>
/// Each side holds at most <see cref="Limits.QuantileBinsMax"/> bins that are not empty; then the bins nearest to zero become one, and answers from it
/// lose the bound (it takes values that span a factor of 6·10^17 densely). The state is a function of the multiset of values alone, so merging is associative and commutative
/// to the bit. Bins are found by the logarithm of the platform: a value within an ulp of a bin's edge may count one bin aside on another platform, within the bound.
/// </para>
/// </remarks>
internal sealed class QuantileSketch
{
    private const double Growth = (1 + Limits.QuantileAccuracy) / (1 - Limits.QuantileAccuracy);
    private static readonly double GrowthLog = Math.Log(Growth);

    private readonly SketchBins _positive;
    private readonly SketchBins _negative;
    private long _zeros;
    private double _least = double.PositiveInfinity;
    private double _greatest = double.NegativeInfinity;

    public QuantileSketch()
        : this(new SketchBins(), new SketchBins())
    {
    }

    private QuantileSketch(SketchBins positive, SketchBins negative) => (_positive, _negative) = (positive, negative);

    public long Count => _positive.Total + _negative.Total + _zeros;

    /// <summary>Memory, in bytes.</summary>
    public long Bytes => ObjectBytes.Of(fields: 5) + _positive.Bytes + _negative.Bytes;

    /// <summary>Counts a finite value.</summary>
    public void Add(double value)
    {
        _least = Math.Min(_least, value);
        _greatest = Math.Max(_greatest, value);
        if (value > 0)
        {
            _positive.Add(BinOf(value), 1);
        }
        else if (value < 0)
        {
            _negative.Add(BinOf(-value), 1);
        }
        else
        {
            _zeros++;
        }
    }

    public void Merge(QuantileSketch other)
    {
        _least = Math.Min(_least, other._least);
        _greatest = Math.Max(_greatest, other._greatest);
        _positive.Merge(other._positive);
        _negative.Merge(other._negative);
        _zeros += other._zeros;
    }

    /// <summary>Linear interpolation at rank fraction·(n-1), as <see cref="Ranks.Continuous"/>: within 1 % where both neighbours have one sign.</summary>
    public double Continuous(double fraction)
    {
        double rank = fraction * (Count - 1);
        long below = (long)Math.Floor(rank);
        double low = AtRank(below);
        double high = AtRank((long)Math.Ceiling(rank));
        return low == high ? low : low + ((rank - below) * (high - low));
    }

    /// <summary>The smallest value whose cumulative share reaches the fraction, as <see cref="Ranks.DiscreteIndex"/>, within 1 %.</summary>
    public double Discrete(double fraction) => AtRank(Math.Max(0, (long)Math.Ceiling(fraction * Count) - 1));

    public bool HasSameState(QuantileSketch other) =>
        _zeros == other._zeros && _least == other._least && _greatest == other._greatest && _positive.HasSameState(other._positive) && _negative.HasSameState(other._negative);

    public void Save(StateWriter to)
    {
        to.Double(_least);
        to.Double(_greatest);
        _negative.Save(to);
        _positive.Save(to);
    }

    /// <param name="from">Where it stands.</param>
    /// <param name="values">How many were counted, at least one: zeros are those that no bin has.</param>
    public static QuantileSketch Load(ref StateReader from, long values)
    {
        (double least, double greatest) = (from.Double(), from.Double());
        if (!(double.IsFinite(least) && double.IsFinite(greatest) && least <= greatest))
        {
            throw new StateFormatException($"values lie from {least} to {greatest}");
        }

        var negative = SketchBins.Load(ref from, values);
        var positive = SketchBins.Load(ref from, values - negative.Total);
        return new QuantileSketch(positive, negative) { _zeros = values - negative.Total - positive.Total, _least = least, _greatest = greatest };
    }

    private static int BinOf(double magnitude) => (int)Math.Ceiling(Math.Log(magnitude) / GrowthLog);

    private static double ValueOf(int bin) => Math.Exp(bin * GrowthLog) * (2 / (Growth + 1));

    /// <summary>The value at a rank counted from zero.</summary>
    private double AtRank(long rank)
    {
        // Ends are known. The bins of negative values count from the value nearest to zero, so theirs is the rank from the other end.
        double value = rank <= 0 ? _least
            : rank >= Count - 1 ? _greatest
            : rank < _negative.Total ? -ValueOf(_negative.AtRank(_negative.Total - 1 - rank))
            : rank < _negative.Total + _zeros ? 0
            : ValueOf(_positive.AtRank(rank - _negative.Total - _zeros));
        return Math.Clamp(value, _least, _greatest);
    }
}
