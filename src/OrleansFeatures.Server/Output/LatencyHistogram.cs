using System.Numerics;

namespace OrleansFeatures.Server.Output;

/// <summary>
/// Durations in buckets whose width grows with the value, so that one small array covers a microsecond to an hour and a percentile is
/// at most 1/64 = 1.6 % too high. A value v in microseconds below 64 has its own bucket; above, the bucket is its leading
/// seven bits and its magnitude:
/// <code>
///   v = 1_0110_01|xxxxx      the bar after 7 bits: magnitude 5, bucket 5 * 64 + 0b101_1001
/// </code>
/// Percentiles answer with the bucket's upper end: never better than what happened. One thread at a time.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBucketBits = 6;
    private const int SubBuckets = 1 << SubBucketBits;

    /// <summary>2^32 microseconds are 71 minutes; what is longer is counted there.</summary>
    private const int MagnitudesMax = 32 - SubBucketBits;

    private readonly long[] _counts = new long[(MagnitudesMax + 1) * SubBuckets];

    public long Count { get; private set; }

    public void Record(TimeSpan duration)
    {
        long micros = Math.Clamp((long)Math.Ceiling(duration.TotalMicroseconds), 0, uint.MaxValue);
        _counts[BucketOf(micros)]++;
        Count++;
    }

    /// <summary>The duration that <paramref name="percent"/> of the recorded ones do not exceed; zero when none was recorded.</summary>
    public TimeSpan Percentile(double percent)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(Count * percent / 100));
        long seen = 0;
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= rank)
            {
                return TimeSpan.FromMicroseconds(UpperEnd(bucket));
            }
        }

        return TimeSpan.Zero;
    }

    public void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
    }

    /// <summary>Adds what another histogram recorded.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            _counts[bucket] += other._counts[bucket];
        }

        Count += other.Count;
    }

    private static int BucketOf(long micros)
    {
        int magnitude = Math.Max(0, BitOperations.Log2((ulong)micros | 1) - SubBucketBits);
        return magnitude == 0 ? (int)micros : (magnitude * SubBuckets) + (int)(micros >> magnitude);
    }

    /// <summary>The largest value of a bucket: the inverse of <see cref="BucketOf"/>.</summary>
    private static long UpperEnd(int bucket)
    {
        if (bucket < 2 * SubBuckets)
        {
            return bucket;
        }

        int magnitude = (bucket / SubBuckets) - 1;
        long leading = bucket - (magnitude * SubBuckets);
        return ((leading + 1) << magnitude) - 1;
    }
}
