using System.Runtime.InteropServices;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// One column's values in one window with their event times, ordered by (time, id), nulls left out, and every aggregate over them. For an aggregate without a field the values
/// are the times themselves. Features of the same column share the gathered values and what is derived from them:
/// <code>
///   bits, times ──┬── doubles (integers converted)  ── moments
///                 ├── ordered (a copy that percentiles part further and further)
///                 └── groups  (different values and how often: distinct_count, mode, top_k, entropy)
/// </code>
/// For an aggregate that chooses events by another field, that field's values stand where the times do.
/// Nothing is allocated but lists and texts, once the scratch has grown.
/// </summary>
internal ref struct ColumnValues(
    FieldType type, ReadOnlySpan<long> bits, ReadOnlySpan<long> times, WindowSpan span, ITextCodes texts, WindowScratch scratch, FieldType rankType = FieldType.Null)
{
    private readonly ReadOnlySpan<long> _bits = bits;
    private readonly ReadOnlySpan<long> _times = times;
    private readonly CodeOrder _order = new(type, texts);
    private readonly bool _isDouble = type == FieldType.Double;
    private Span<double> _doubles;
    private Span<long> _ordered;
    private Moments _moments;
    private bool _isGrouped;

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
            AggregateKind.Mean => Answer.Of(Total() / _bits.Length),
            AggregateKind.Min => FeatureValue.Of(_order.ValueOf(Extreme(-1))),
            AggregateKind.Max => FeatureValue.Of(_order.ValueOf(Extreme(1))),
            AggregateKind.First => FeatureValue.Of(_order.ValueOf(_bits[0])),
            AggregateKind.Last => FeatureValue.Of(_order.ValueOf(_bits[^1])),
            AggregateKind.FirstN => FeatureValue.Of(Oldest((int)call.Argument)),
            AggregateKind.LastN => FeatureValue.Of(Newest((int)call.Argument)),
            AggregateKind.DistinctCount => FeatureValue.Of(Value.Of((long)Groups().Count)),
            AggregateKind.Percentile => Continuous(call.Argument),
            AggregateKind.Median => Continuous(0.5),
            AggregateKind.PercentileDisc => FeatureValue.Of(Discrete(call.Argument)),
            AggregateKind.Mode => FeatureValue.Of(Mode()),
            AggregateKind.TopK => FeatureValue.Of(TopK((int)call.Argument)),
            AggregateKind.Histogram => FeatureValue.Of(Histogram(call.Bounds!)),
            AggregateKind.Entropy => Answer.Of(Shares.Entropy(Groups().Occurrences)),
            AggregateKind.Any => FeatureValue.Of(Value.Of(_bits.ContainsAnyExcept(0))),
            AggregateKind.All => FeatureValue.Of(Value.Of(!_bits.Contains(0))),
            AggregateKind.Ewma => Answer.Of(Trends.Ewma(AsDoubles(), _times, call.Argument)),
            AggregateKind.Slope => Answer.Of(Trends.Slope(AsDoubles(), _times)),
            AggregateKind.Delta => _isDouble ? Answer.Of(RawDoubles[^1] - RawDoubles[0]) : Trends.Delta(_bits[0], _bits[^1]),
            AggregateKind.Drawdown => _isDouble ? Answer.Of(Trends.Drawdown(RawDoubles)) : Trends.Drawdown(_bits),
            AggregateKind.Rate => Rate(call.Field is null ? _bits.Length : Total()),
            AggregateKind.MaxBy => FeatureValue.Of(Ranked(greatest: true)),
            AggregateKind.MinBy => FeatureValue.Of(Ranked(greatest: false)),
            AggregateKind.MaxNBy => FeatureValue.Of(Ranked((int)call.Argument, greatest: true)),
            AggregateKind.MinNBy => FeatureValue.Of(Ranked((int)call.Argument, greatest: false)),
            AggregateKind.TimeSinceLast => Answer.Of((span.AsOf - _times[^1]) / WindowSpan.MicrosPerSecond),
            _ => Answer.Of(SharedMoments().Result(call.Kind)),
        };
    }

    private readonly ReadOnlySpan<double> RawDoubles => MemoryMarshal.Cast<long, double>(_bits);

    private ReadOnlySpan<double> AsDoubles()
    {
        if (_isDouble)
        {
            return RawDoubles;
        }

        if (_doubles.IsEmpty)
        {
            _doubles = scratch.Doubles(_bits.Length);
            for (int index = 0; index < _bits.Length; index++)
            {
                _doubles[index] = _bits[index];
            }
        }

        return _doubles;
    }

    private readonly FeatureValue Sum() => _isDouble ? Answer.Of(Sums.Of(RawDoubles)) : Answer.Of(Sums.Of(_bits));

    private readonly double Total() => _isDouble ? Sums.Of(RawDoubles) : (double)Sums.Of(_bits);

    private Moments SharedMoments()
    {
        if (_moments.Count == 0)
        {
            _moments = Moments.Of(AsDoubles());
        }

        return _moments;
    }

    private readonly long Extreme(int sign)
    {
        if (type == FieldType.String)
        {
            return ExtremeText(sign);
        }

        if (!_isDouble)
        {
            return sign < 0 ? Extremes.Least(_bits) : Extremes.Greatest(_bits);
        }

        // Adding zero makes 0.0 of -0.0, whichever of the two came first.
        return BitConverter.DoubleToInt64Bits((sign < 0 ? Extremes.Least(RawDoubles) : Extremes.Greatest(RawDoubles)) + 0.0);
    }

    private readonly long ExtremeText(int sign)
    {
        long best = _bits[0];
        foreach (long code in _bits)
        {
            best = code != best && texts.Compare(code, best) * sign > 0 ? code : best;
        }

        return best;
    }

    private readonly Value[] Oldest(int n)
    {
        var list = new Value[Math.Min(n, _bits.Length)];
        for (int index = 0; index < list.Length; index++)
        {
            list[index] = _order.ValueOf(_bits[index]);
        }

        return list;
    }

    private readonly Value[] Newest(int n)
    {
        var list = new Value[Math.Min(n, _bits.Length)];
        for (int index = 0; index < list.Length; index++)
        {
            list[index] = _order.ValueOf(_bits[^(index + 1)]);
        }

        return list;
    }

    private readonly Value Ranked(bool greatest)
    {
        Span<int> chosen = stackalloc int[1];
        new CodeOrder(rankType, texts).Extremes(_times, greatest, chosen);
        return _order.ValueOf(_bits[chosen[0]]);
    }

    private readonly Value[] Ranked(int n, bool greatest)
    {
        Span<int> chosen = stackalloc int[Math.Min(n, _bits.Length)];
        new CodeOrder(rankType, texts).Extremes(_times, greatest, chosen);
        var list = new Value[chosen.Length];
        for (int rank = 0; rank < list.Length; rank++)
        {
            list[rank] = _order.ValueOf(_bits[chosen[rank]]);
        }

        return list;
    }

    private Span<long> Ordered()
    {
        if (_ordered.IsEmpty)
        {
            _ordered = scratch.Ordered(_bits.Length);
            _bits.CopyTo(_ordered);
        }

        return _ordered;
    }

    private FeatureValue Continuous(double fraction) => Answer.Of(
        _isDouble ? Ranks.Continuous(MemoryMarshal.Cast<long, double>(Ordered()), fraction) : Ranks.Continuous(Ordered(), fraction));

    private Value Discrete(double fraction) => _isDouble
        ? Value.Of(Ranks.Discrete(MemoryMarshal.Cast<long, double>(Ordered()), fraction) + 0.0)
        : Value.FromBits(type, Ranks.Discrete(Ordered(), fraction));

    private ValueGroups Groups()
    {
        if (!_isGrouped)
        {
            scratch.Values.Fill(type, _bits);
            _isGrouped = true;
        }

        return scratch.Values;
    }

    private Value Mode()
    {
        Span<int> chosen = stackalloc int[1];
        _order.MostFrequent(Groups(), chosen);
        return _order.ValueOf(scratch.Values.Codes[chosen[0]]);
    }

    private Value[] TopK(int k)
    {
        ValueGroups groups = Groups();
        Span<int> chosen = stackalloc int[Math.Min(k, groups.Count)];
        _order.MostFrequent(groups, chosen);
        var map = new Value[2 * chosen.Length];
        for (int rank = 0; rank < chosen.Length; rank++)
        {
            map[2 * rank] = _order.ValueOf(groups.Codes[chosen[rank]]);
            map[(2 * rank) + 1] = Value.Of((long)groups.Occurrences[chosen[rank]]);
        }

        return map;
    }

    private readonly Value[] Histogram(HistogramBounds bounds)
    {
        Span<long> counts = stackalloc long[bounds.BinCount];
        counts.Clear();
        foreach (long value in _bits)
        {
            counts[_isDouble ? bounds.BinOf(BitConverter.Int64BitsToDouble(value)) : bounds.BinOf(value)]++;
        }

        var list = new Value[counts.Length];
        for (int bin = 0; bin < list.Length; bin++)
        {
            list[bin] = Value.Of(counts[bin]);
        }

        return list;
    }

    private readonly FeatureValue Rate(double total)
    {
        double seconds = span.Seconds(_times[0]);
        return seconds > 0 ? Answer.Of(total / seconds) : FeatureValue.Null;
    }
}
