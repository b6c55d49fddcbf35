using System.Numerics;

namespace OrleansFeatures.Server.Load;

/// <summary>
/// Durations in buckets whose width grows with the value, so that one array covers a nanosecond to an hour, and a percentile is too high by at
/// most one part in 2^bits. A value v in nanoseconds below 2^(bits + 1) has its own bucket; above, the bucket is its leading bits + 1
/// binary digits and its magnitude, here with bits = 6:
/// <code>
///   v = 1_0110_01|xxxxx      the bar after 7 digits: magnitude 5, bucket 5 * 64 + 0b101_1001
/// </code>
/// Percentiles answer with the bucket's upper end, or with the largest value that was recorded if that is less: never better than what
/// happened. Any number of threads may record at once; what is read meanwhile holds some of what they record just then.
/// </summary>
internal sealed class LatencyHistogram
{
    /// <summary>One part in 64: 1.6 %, in 18 KB. What a screen shows.</summary>
    public const int Coarse = 6;

    /// <summary>One part in 1,024: three digits, in 270 KB. What is reported and judged.</summary>
    public const int ThreeDigits = 10;

    /// <summary>2^42 nanoseconds are 73 minutes; what is longer is counted there.</summary>
    private const int RangeBits = 42;

    private readonly int _bits;
    private readonly long[] _counts;
    private long _count;
    private long _longest;

    public LatencyHistogram(int bits = Coarse)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, ThreeDigits);
        _bits = bits;
        _counts = new long[(RangeBits - bits + 1) << bits];
    }

    /// <summary>The longest duration that can be told from longer ones.</summary>
    public static TimeSpan Range { get; } = Nanoseconds((1L << RangeBits) - 1);

    public long Count => Interlocked.Read(ref _count);

    /// <summary>The longest duration recorded, exactly.</summary>
    public TimeSpan Longest => Nanoseconds(Interlocked.Read(ref _longest));

    public void Record(TimeSpan duration) => Record(duration.Ticks * TimeSpan.NanosecondsPerTick);

    public void Record(long nanoseconds)
    {
        nanoseconds = Math.Clamp(nanoseconds, 0, (1L << RangeBits) - 1);
        Interlocked.Increment(ref _counts[BucketOf(nanoseconds)]);
        Interlocked.Increment(ref _count);
        RaiseLongest(nanoseconds);
    }

    /// <summary>The duration that <paramref name="percent"/> of the recorded ones do not exceed; zero when none was recorded.</summary>
    public TimeSpan Percentile(double percent)
    {
        long longest = Interlocked.Read(ref _longest);
        long rank = Math.Max(1, (long)Math.Ceiling(Count * percent / 100));
        long seen = 0;
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            seen += Volatile.Read(ref _counts[bucket]);
            if (seen >= rank)
            {
                return Nanoseconds(Math.Min(UpperEnd(bucket), longest));
            }
        }

        return Nanoseconds(longest);
    }

    /// <summary>The share of the recorded durations that are no longer than this one, as far as buckets tell; 1 when none was recorded.</summary>
    public double ShareWithin(TimeSpan duration)
    {
        long nanoseconds = duration.Ticks * TimeSpan.NanosecondsPerTick;
        long within = 0;
        for (int bucket = 0; bucket < _counts.Length && UpperEnd(bucket) <= nanoseconds; bucket++)
        {
            within += Volatile.Read(ref _counts[bucket]);
        }

        return Count == 0 || nanoseconds >= Interlocked.Read(ref _longest) ? 1 : within / (double)Count;
    }

    /// <summary>Adds what another histogram of the same precision recorded.</summary>
    public void Add(LatencyHistogram other)
    {
        if (other._bits != _bits)
        {
            throw new ArgumentException($"a histogram of {other._bits} bits cannot be added to one of {_bits}", nameof(other));
        }

        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            Interlocked.Add(ref _counts[bucket], Volatile.Read(ref other._counts[bucket]));
        }

        Interlocked.Add(ref _count, other.Count);
        RaiseLongest(Interlocked.Read(ref other._longest));
    }

    private void RaiseLongest(long nanoseconds)
    {
        long longest = Interlocked.Read(ref _longest);
        while (nanoseconds > longest)
        {
            long found = Interlocked.CompareExchange(ref _longest, nanoseconds, longest);
            if (found == longest)
            {
                return;
            }

            longest = found;
        }
    }

    private int BucketOf(long nanoseconds)
    {
        int magnitude = Math.Max(0, BitOperations.Log2((ulong)nanoseconds | 1) - _bits);
        return (magnitude << _bits) + (int)(nanoseconds >> magnitude);
    }

    /// <summary>The largest value of a bucket: the inverse of <see cref="BucketOf"/>.</summary>
    private long UpperEnd(int bucket)
    {
        if (bucket < 2 << _bits)
        {
            return bucket;
        }

        int magnitude = (bucket >> _bits) - 1;
        long leading = bucket - ((long)magnitude << _bits);
        return ((leading + 1) << magnitude) - 1;
    }

    /// <summary>Rounded up, for the same reason that percentiles are.</summary>
    private static TimeSpan Nanoseconds(long nanoseconds) => TimeSpan.FromTicks((nanoseconds + TimeSpan.NanosecondsPerTick - 1) / TimeSpan.NanosecondsPerTick);
}
