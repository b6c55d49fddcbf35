using System.Runtime.InteropServices;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// One number column's values in one window, oldest first, and every aggregate over them. Features of the same column share the gathered
/// values and, where they need order, one sorted copy.
/// </summary>
internal ref struct ColumnValues(FieldType type, ReadOnlySpan<long> bits, WindowScratch scratch)
{
    private readonly ReadOnlySpan<long> _bits = bits;
    private readonly bool _isDouble = type == FieldType.Double;
    private Span<double> _sortedDoubles;
    private Span<double> _doubles;
    private bool _sorted;

    private ReadOnlySpan<double> AsDoubles
    {
        get
        {
            if (_isDouble)
            {
                return MemoryMarshal.Cast<long, double>(_bits);
            }

            if (_doubles.IsEmpty)
            {
                _doubles = new double[_bits.Length];
                for (int index = 0; index < _bits.Length; index++)
                {
                    _doubles[index] = _bits[index];
                }
            }

            return _doubles;
        }
    }

    public FeatureValue Compute(AggregateCall call)
    {
        if (call.Kind == AggregateKind.Count)
        {
            return FeatureValue.Of(Value.Of((long)_bits.Length));
        }

        if (_bits.IsEmpty)
        {
            return call.Kind == AggregateKind.DistinctCount ? FeatureValue.Of(Value.Of(0L)) : FeatureValue.Null;
        }

        return call.Kind switch
        {
            AggregateKind.Sum => Sum(),
            AggregateKind.Mean => Double(Total() / _bits.Length),
            AggregateKind.Min => FeatureValue.Of(Least()),
            AggregateKind.Max => FeatureValue.Of(Greatest()),
            AggregateKind.VarPop => Double(Moments.SquaredDeviations(AsDoubles) / _bits.Length),
            AggregateKind.StddevPop => Double(Math.Sqrt(Moments.SquaredDeviations(AsDoubles) / _bits.Length)),
            AggregateKind.VarSamp => _bits.Length < 2 ? FeatureValue.Null : Double(Moments.SquaredDeviations(AsDoubles) / (_bits.Length - 1)),
            AggregateKind.StddevSamp => _bits.Length < 2 ? FeatureValue.Null : Double(Math.Sqrt(Moments.SquaredDeviations(AsDoubles) / (_bits.Length - 1))),
            AggregateKind.First => FeatureValue.Of(At(0)),
            AggregateKind.Last => FeatureValue.Of(At(_bits.Length - 1)),
            AggregateKind.FirstN => FeatureValue.Of(Oldest((int)call.Argument)),
            AggregateKind.LastN => FeatureValue.Of(Newest((int)call.Argument)),
            AggregateKind.DistinctCount => FeatureValue.Of(Value.Of(Distinct())),
            AggregateKind.Percentile => Double(Ranks.Continuous(Sorted(), call.Argument)),
            AggregateKind.Median => Double(Ranks.Continuous(Sorted(), 0.5)),
            AggregateKind.PercentileDisc => FeatureValue.Of(Discrete(call.Argument)),
            _ => throw new InvariantException($"{call.Kind} has no computation"),
        };
    }

    /// <summary>Events hold finite numbers only, so anything else is a result beyond the largest double.</summary>
    private static FeatureValue Double(double value) => double.IsFinite(value) ? FeatureValue.Of(Value.Of(value)) : FeatureValue.Invalid;

    private readonly Value At(int index) => Value.FromBits(type, _bits[index]);

    private readonly FeatureValue Sum()
    {
        if (_isDouble)
        {
            return Double(Total());
        }

        Int128 sum = Moments.Sum(_bits);
        return sum < long.MinValue || sum > long.MaxValue ? FeatureValue.Invalid : FeatureValue.Of(Value.Of((long)sum));
    }

    private readonly double Total() => _isDouble ? Moments.Sum(MemoryMarshal.Cast<long, double>(_bits)) : (double)Moments.Sum(_bits);

    private readonly Value Least()
    {
        int least = 0;
        for (int index = 1; index < _bits.Length; index++)
        {
            least = Compare(_bits[index], _bits[least]) < 0 ? index : least;
        }

        return At(least);
    }

    private readonly Value Greatest()
    {
        int greatest = 0;
        for (int index = 1; index < _bits.Length; index++)
        {
            greatest = Compare(_bits[index], _bits[greatest]) > 0 ? index : greatest;
        }

        return At(greatest);
    }

    private readonly int Compare(long left, long right) =>
        _isDouble ? BitConverter.Int64BitsToDouble(left).CompareTo(BitConverter.Int64BitsToDouble(right)) : left.CompareTo(right);

    private readonly Value[] Oldest(int n)
    {
        var list = new Value[Math.Min(n, _bits.Length)];
        for (int index = 0; index < list.Length; index++)
        {
            list[index] = At(index);
        }

        return list;
    }

    private readonly Value[] Newest(int n)
    {
        var list = new Value[Math.Min(n, _bits.Length)];
        for (int index = 0; index < list.Length; index++)
        {
            list[index] = At(_bits.Length - 1 - index);
        }

        return list;
    }

    private ReadOnlySpan<double> Sorted()
    {
        if (!_sorted)
        {
            _sortedDoubles = scratch.Doubles(_bits.Length);
            AsDoubles.CopyTo(_sortedDoubles);
            _sortedDoubles.Sort();
            _sorted = true;
        }

        return _sortedDoubles;
    }

    /// <summary>Doubles are compared as doubles; integers as integers, because two neighbours beyond 2^53 are one double.</summary>
    private long Distinct() => _isDouble ? Ranks.Distinct(Sorted()) : Ranks.Distinct<long>(SortedBits());

    private Value Discrete(double fraction)
    {
        int index = Ranks.DiscreteIndex(_bits.Length, fraction);
        return _isDouble ? Value.Of(Sorted()[index]) : Value.FromBits(type, SortedBits()[index]);
    }

    private readonly ReadOnlySpan<long> SortedBits()
    {
        long[] sorted = _bits.ToArray();
        Array.Sort(sorted);
        return sorted;
    }
}
