using System.Numerics;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>A window's numbers as integers: each is <see cref="Units"/> times 2^exponent, with one exponent for all.</summary>
internal sealed class Exact
{
    private readonly int _exponent;
    private readonly bool _isDouble;

    public Exact(List<NaiveRow> rows)
    {
        _isDouble = rows[0].Value.Type == FieldType.Double;
        Doubles = [.. rows.Select(row => _isDouble ? row.Value.Double : row.Value.Bits)];
        _exponent = _isDouble ? Doubles.Where(number => number != 0).Select(LeastExponent).DefaultIfEmpty(0).Min() : 0;
        Units = [.. rows.Select(row => _isDouble ? Scale(row.Value.Double) : row.Value.Bits)];
    }

    public List<double> Doubles { get; }

    public List<BigInteger> Units { get; }

    /// <summary>Of so many units: a double for doubles, else the integer itself.</summary>
    public object Number(BigInteger units) => _isDouble ? Double(units) : units;

    public double Double(BigInteger units) => Math.ScaleB((double)units, _exponent);

    /// <summary>Σ (x - mean)² / freedom. Times n, deviations are integers: n x - Σ x.</summary>
    public double Variance(double freedom) => Math.ScaleB((double)PowerSum(2), 2 * _exponent) / ((double)Units.Count * Units.Count * freedom);

    /// <summary>The mean of (x - mean)ᵏ, in units of the standard deviation.</summary>
    public double Standardized(int power) => (double)PowerSum(power) / Units.Count / Math.Pow((double)PowerSum(2) / Units.Count, power / 2.0);

    /// <summary>(n Σ t x - Σ t Σ x) / (n Σ t² - (Σ t)²), per second.</summary>
    public double Slope(List<NaiveRow> rows)
    {
        BigInteger n = rows.Count;
        BigInteger[] times = [.. rows.Select(row => (BigInteger)row.Time)];
        BigInteger Sum(IEnumerable<BigInteger> numbers) => numbers.Aggregate(BigInteger.Add);
        BigInteger above = (n * Sum(times.Zip(Units, BigInteger.Multiply))) - (Sum(times) * Sum(Units));
        BigInteger below = (n * Sum(times.Select(time => time * time))) - BigInteger.Pow(Sum(times), 2);
        return Double(above) / (double)below * 1e6;
    }

    /// <summary>How far each lies below the greatest so far.</summary>
    public IEnumerable<BigInteger> Falls()
    {
        BigInteger greatest = Units[0];
        foreach (BigInteger unit in Units)
        {
            greatest = BigInteger.Max(greatest, unit);
            yield return greatest - unit;
        }
    }

    private BigInteger PowerSum(int power)
    {
        BigInteger sum = Units.Aggregate(BigInteger.Add);
        return Units.Select(unit => BigInteger.Pow((Units.Count * unit) - sum, power)).Aggregate(BigInteger.Add);
    }

    /// <summary>A double has 53 significant bits; the lowest of them that it may have set.</summary>
    private static int LeastExponent(double number) => Math.ILogB(number) - 52;

    private BigInteger Scale(double number) =>
        number == 0 ? 0 : new BigInteger(Math.ScaleB(number, -LeastExponent(number))) << (LeastExponent(number) - _exponent);
}
