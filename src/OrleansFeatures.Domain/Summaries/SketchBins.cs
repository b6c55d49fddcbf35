using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// Counters by bin number, in the order of the numbers, empty bins left out. Beyond <see cref="Limits.QuantileBinsMax"/> bins the lowest becomes part of the next: what
/// is held is then the highest bins ever counted, with everything below them in the lowest, whatever order it came in.
/// </summary>
internal sealed class SketchBins
{
    private const int BinsMin = 4;

    /// <summary>No double lies beyond: ln 2^-1074 is -744.4, and a bin spans 0.02 of it.</summary>
    private const long BinMost = 40_000;

    private int[] _bins = [];
    private long[] _counts = [];
    private int _length;

    public long Total { get; private set; }

    public long Bytes => ObjectBytes.Of(fields: 4) + ObjectBytes.Array(_bins.Length, sizeof(int)) + ObjectBytes.Array(_counts.Length, sizeof(long));

    public void Add(int bin, long count)
    {
        Total += count;
        int at = _bins.AsSpan(0, _length).BinarySearch(bin);
        if (at >= 0)
        {
            _counts[at] += count;
            return;
        }

        at = ~at;
        if (_length < Limits.QuantileBinsMax)
        {
            Insert(at, bin, count);
        }
        else if (at == 0)
        {
            _counts[0] += count;
        }
        else
        {
            Replace(at, bin, count);
        }
    }

    public void Merge(SketchBins other)
    {
        for (int index = 0; index < other._length; index++)
        {
            Add(other._bins[index], other._counts[index]);
        }
    }

    /// <summary>The bin of the value at a rank counted from zero, lowest bin first.</summary>
    public int AtRank(long rank)
    {
        int index = 0;
        for (long below = _counts[0]; below <= rank; below += _counts[index])
        {
            index++;
        }

        return _bins[index];
    }

    public bool HasSameState(SketchBins other) =>
        _bins.AsSpan(0, _length).SequenceEqual(other._bins.AsSpan(0, other._length)) && _counts.AsSpan(0, _length).SequenceEqual(other._counts.AsSpan(0, other._length));

    /// <summary>Their number, and each bin's distance from the one before with its count: mostly two bytes a bin.</summary>
    public void Save(StateWriter to)
    {
        to.Packed((ulong)_length);
        for (int index = 0; index < _length; index++)
        {
            to.PackedSigned(_bins[index] - (index == 0 ? 0L : _bins[index - 1]));
            to.Packed((ulong)_counts[index]);
        }
    }

    /// <param name="from">Where they stand.</param>
    /// <param name="total">What they may count up to.</param>
    public static SketchBins Load(ref StateReader from, long total)
    {
        var bins = new SketchBins();
        int length = from.Fitting((int)from.PackedWithin(0, Limits.QuantileBinsMax), bytesEach: 2);
        long bin = 0;
        for (int index = 0; index < length; index++)
        {
            long step = from.PackedSigned();
            if ((index > 0 && step <= 0) || step is > BinMost or < -BinMost || Math.Abs(bin += step) > BinMost)
            {
                throw new StateFormatException("the bins of a quantile sketch do not ascend, or are of no number");
            }

            long count = from.PackedWithin(1, total - bins.Total);
            bins.Total += count;
            bins.Insert(index, (int)bin, count);
        }

        return bins;
    }

    private void Insert(int at, int bin, long count)
    {
        if (_length == _bins.Length)
        {
            int size = Math.Clamp(_length * 2, BinsMin, Limits.QuantileBinsMax);
            Array.Resize(ref _bins, size);
            Array.Resize(ref _counts, size);
        }

        _bins.AsSpan(at, _length - at).CopyTo(_bins.AsSpan(at + 1));
        _counts.AsSpan(at, _length - at).CopyTo(_counts.AsSpan(at + 1));
        (_bins[at], _counts[at]) = (bin, count);
        _length++;
    }

    /// <summary>Full: the lowest bin's count goes up to the next, and the bins from there to <paramref name="at"/> move down by one.</summary>
    private void Replace(int at, int bin, long count)
    {
        if (at == 1)
        {
            // The new bin is itself the next above the lowest.
            (_bins[0], _counts[0]) = (bin, _counts[0] + count);
            return;
        }

        _counts[1] += _counts[0];
        _bins.AsSpan(1, at - 1).CopyTo(_bins);
        _counts.AsSpan(1, at - 1).CopyTo(_counts);
        (_bins[at - 1], _counts[at - 1]) = (bin, count);
    }
}
