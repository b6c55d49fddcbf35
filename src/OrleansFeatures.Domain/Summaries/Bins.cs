using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>How many values lie between each two bounds of one histogram. Exact.</summary>
internal sealed class Bins(HistogramBounds bounds) : IStatistic
{
    private readonly long[] _counts = new long[bounds.BinCount];

    public ReadOnlySpan<long> Counts => _counts;

    public long Bytes => ObjectBytes.Of(fields: 2) + ObjectBytes.Array(_counts.Length, sizeof(long));

    public void Add(in StatisticRow row) => _counts[row.Value.Type == FieldType.Double ? bounds.BinOf(row.Value.Double) : bounds.BinOf(row.Value.Bits)]++;

    public void Merge(IStatistic other)
    {
        long[] counts = ((Bins)other)._counts;
        for (int bin = 0; bin < counts.Length; bin++)
        {
            _counts[bin] += counts[bin];
        }
    }

    public void Save(StateWriter to)
    {
        foreach (long count in _counts)
        {
            to.Packed((ulong)count);
        }
    }

    public static Bins Load(ref StateReader from, HistogramBounds bounds, long rows)
    {
        var bins = new Bins(bounds);
        long left = rows;
        foreach (ref long count in bins._counts.AsSpan())
        {
            count = from.PackedWithin(0, left);
            left -= count;
        }

        return left == 0 ? bins : throw new StateFormatException($"the bins of a histogram lack {left} of {rows} values");
    }
}
