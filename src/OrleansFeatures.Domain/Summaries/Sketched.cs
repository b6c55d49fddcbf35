using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Summaries;

// The sketches as statistics of rows.

/// <summary>How many different values: 1.6 % standard error beyond 512, see <see cref="HyperLogLog"/>.</summary>
internal sealed class DistinctValues : IStatistic
{
    public HyperLogLog Sketch { get; } = new();

    public long Bytes => ObjectBytes.Of(fields: 1) + Sketch.Bytes;

    public void Add(in StatisticRow row) => Sketch.Add(ValueHash.Of(row.Value));

    public void Merge(IStatistic other) => Sketch.Merge(((DistinctValues)other).Sketch);
}

/// <summary>Quantiles within 1 % of the value, see <see cref="QuantileSketch"/>.</summary>
internal sealed class Quantiles : IStatistic
{
    public QuantileSketch Sketch { get; } = new();

    public long Bytes => ObjectBytes.Of(fields: 1) + Sketch.Bytes;

    public void Add(in StatisticRow row) => Sketch.Add(row.Number);

    public void Merge(IStatistic other) => Sketch.Merge(((Quantiles)other).Sketch);
}

/// <summary>How often values came, too many by at most n / 256, see <see cref="SpaceSaving"/>.</summary>
internal sealed class FrequentValues(FieldType type) : IStatistic
{
    public SpaceSaving Sketch { get; } = new(type, Limits.FrequentValuesMax);

    public long Bytes => ObjectBytes.Of(fields: 1) + Sketch.Bytes;

    public void Add(in StatisticRow row) => Sketch.Add(row.Value, out _);

    public void Merge(IStatistic other) => Sketch.Merge(((FrequentValues)other).Sketch);
}
