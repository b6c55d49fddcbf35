using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;

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
}
