using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// What the additive aggregates need of a set of values: count, sum, least, greatest, and where wanted the second to fourth moments about the mean. Two folds of disjoint sets
/// merge into the fold of their union, so a chunk is folded once and then merged into every window that covers it. 80 bytes.
/// <para>Integer sums are exact in 128 bits. Sums of doubles are kept in two parts (<see cref="Sums"/>), so that the order of
/// merging does not show in the 53 bits of the result. Nothing is ever subtracted.</para>
/// </summary>
internal struct Fold
{
    private Moments _moments;
    private long _sumLow;
    private long _sumHigh;

    public long Count { get; private set; }

    /// <summary>Column bits of the least value.</summary>
    public long Least { get; private set; }

    public long Greatest { get; private set; }

    public readonly Int128 IntegerSum => new((ulong)_sumHigh, (ulong)_sumLow);

    public readonly double DoubleSum => BitConverter.Int64BitsToDouble(_sumHigh) + BitConverter.Int64BitsToDouble(_sumLow);

    /// <summary>The fold of doubles.</summary>
    public static Fold Of(ReadOnlySpan<double> values, bool moments)
    {
        Fold fold = default;
        if (values.IsEmpty)
        {
            return fold;
        }

        (double high, double low) = Sums.Parts(values);
        fold.Count = values.Length;
        fold.SetDoubleSum(high, low);
        fold.Least = BitConverter.DoubleToInt64Bits(Extremes.Least(values));
        fold.Greatest = BitConverter.DoubleToInt64Bits(Extremes.Greatest(values));
        if (moments)
        {
            fold._moments = Moments.Of(values);
        }

        return fold;
    }

    /// <summary>The fold of at most <see cref="Limits.ChunkRowsMax"/> integers, bools or times.</summary>
    public static Fold Of(ReadOnlySpan<long> values, bool moments)
    {
        Fold fold = default;
        if (values.IsEmpty)
        {
            return fold;
        }

        fold.Count = values.Length;
        fold.SetIntegerSum(Sums.Of(values));
        fold.Least = Extremes.Least(values);
        fold.Greatest = Extremes.Greatest(values);
        if (moments)
        {
            Span<double> doubles = stackalloc double[Limits.ChunkRowsMax];
            for (int index = 0; index < values.Length; index++)
            {
                doubles[index] = values[index];
            }

            fold._moments = Moments.Of(doubles[..values.Length]);
        }

        return fold;
    }

    /// <summary>The fold of rows that are counted only.</summary>
    public static Fold OfCount(long rows) => new() { Count = rows };

    /// <summary>Adds a disjoint set's fold over a column of the same type.</summary>
    public void Merge(in Fold other, FieldType type, bool moments)
    {
        if (other.Count == 0)
        {
            return;
        }

        if (type is FieldType.Null or FieldType.String)
        {
            Count += other.Count;
            return;
        }

        if (Count == 0)
        {
            this = other;
            return;
        }

        if (moments)
        {
            _moments = Moments.Merge(_moments, other._moments);
        }

        if (type == FieldType.Double)
        {
            AddDoubleSum(other);
            // Values are finite and zero has no sign, so that a plain comparison is enough; Math.Min would look for both.
            Least = BitConverter.Int64BitsToDouble(other.Least) < BitConverter.Int64BitsToDouble(Least) ? other.Least : Least;
            Greatest = BitConverter.Int64BitsToDouble(other.Greatest) > BitConverter.Int64BitsToDouble(Greatest) ? other.Greatest : Greatest;
        }
        else
        {
            SetIntegerSum(IntegerSum + other.IntegerSum);
            Least = Math.Min(Least, other.Least);
            Greatest = Math.Max(Greatest, other.Greatest);
        }

        Count += other.Count;
    }

    /// <summary>The value of an aggregate that is folded.</summary>
    /// <param name="call">Which.</param>
    /// <param name="type">The column's type.</param>
    /// <param name="seconds">How long the window is, for rates; zero or less where that is nothing.</param>
    public readonly FeatureValue Compute(AggregateCall call, FieldType type, double seconds)
    {
        if (call.Kind == AggregateKind.Count)
        {
            return FeatureValue.Of(Value.Of(Count));
        }

        return Count == 0 ? FeatureValue.Null : call.Kind switch
        {
            AggregateKind.Sum when type != FieldType.Double => Answer.Of(IntegerSum),
            AggregateKind.Sum => Answer.Of(DoubleSum),
            AggregateKind.Mean => Answer.Of(Total(type) / Count),
            AggregateKind.Min => FeatureValue.Of(Value.FromBits(type, Least)),
            AggregateKind.Max => FeatureValue.Of(Value.FromBits(type, Greatest)),
            AggregateKind.Any => FeatureValue.Of(Value.Of(Greatest != 0)),
            AggregateKind.All => FeatureValue.Of(Value.Of(Least != 0)),
            AggregateKind.Rate => seconds > 0 ? Answer.Of((call.Field is null ? Count : Total(type)) / seconds) : FeatureValue.Null,
            _ => Answer.Of(_moments.Result(call.Kind)),
        };
    }

    /// <summary>Writes all but the moments, of at least one value.</summary>
    public readonly void Save(StateWriter to, FieldType type)
    {
        to.Packed((ulong)Count);
        if (type is FieldType.Null or FieldType.String)
        {
            return;
        }

        SavedValues.Save(to, Value.FromBits(type, Least));
        SavedValues.Save(to, Value.FromBits(type, Greatest));
        if (type == FieldType.Double)
        {
            to.Int64(_sumHigh);
            to.Int64(_sumLow);
            return;
        }

        // The upper half repeats the sign of the lower but for sums beyond 64 bits.
        to.PackedSigned(_sumLow);
        to.PackedSigned(_sumHigh ^ (_sumLow >> 63));
    }

    public static Fold Load(ref StateReader from, FieldType type)
    {
        Fold fold = OfCount(from.PackedWithin(1, Limits.SummedEventsMax));
        if (type is FieldType.Null or FieldType.String)
        {
            return fold;
        }

        Value least = SavedValues.Value(ref from, type);
        Value greatest = SavedValues.Value(ref from, type);
        (fold.Least, fold.Greatest) = ValueOrder.Compare(least, greatest) <= 0 ? (least.Bits, greatest.Bits) : throw new StateFormatException($"{least} is the least and {greatest} the greatest");
        fold._sumHigh = type == FieldType.Double ? from.Int64() : 0;
        fold._sumLow = type == FieldType.Double ? from.Int64() : from.PackedSigned();
        fold._sumHigh ^= type == FieldType.Double ? 0 : from.PackedSigned() ^ (fold._sumLow >> 63);
        return fold;
    }

    private readonly double Total(FieldType type) => type == FieldType.Double ? DoubleSum : (double)IntegerSum;

    private void SetIntegerSum(Int128 sum) => (_sumHigh, _sumLow) = ((long)(sum >> 64), (long)sum);

    private void SetDoubleSum(double high, double low) =>
        (_sumHigh, _sumLow) = (BitConverter.DoubleToInt64Bits(high), BitConverter.DoubleToInt64Bits(low));

    private void AddDoubleSum(in Fold other)
    {
        double high = BitConverter.Int64BitsToDouble(_sumHigh);
        double low = BitConverter.Int64BitsToDouble(_sumLow) + BitConverter.Int64BitsToDouble(other._sumLow);
        Sums.Add(ref high, ref low, BitConverter.Int64BitsToDouble(other._sumHigh));
        SetDoubleSum(high, low);
    }
}
