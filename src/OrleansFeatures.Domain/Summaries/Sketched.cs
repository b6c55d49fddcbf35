using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

// The sketches as statistics of rows.

/// <summary>How many different values: 1.6 % standard error beyond 512, see <see cref="HyperLogLog"/>.</summary>
internal sealed class DistinctValues : IStatistic
{
    public HyperLogLog Sketch { get; private init; } = new();

    public long Bytes => ObjectBytes.Of(fields: 1) + Sketch.Bytes;

    public void Add(in StatisticRow row) => Sketch.Add(ValueHash.Of(row.Value));

    public void Merge(IStatistic other) => Sketch.Merge(((DistinctValues)other).Sketch);

    public void Save(StateWriter to) => Sketch.Save(to);

    public static DistinctValues Load(ref StateReader from, long rows) => new() { Sketch = HyperLogLog.Load(ref from, rows) };
}

/// <summary>Quantiles within 1 % of the value, see <see cref="QuantileSketch"/>.</summary>
internal sealed class Quantiles : IStatistic
{
    public QuantileSketch Sketch { get; private init; } = new();

    public long Bytes => ObjectBytes.Of(fields: 1) + Sketch.Bytes;

    public void Add(in StatisticRow row) => Sketch.Add(row.Number);

    public void Merge(IStatistic other) => Sketch.Merge(((Quantiles)other).Sketch);

    public void Save(StateWriter to) => Sketch.Save(to);

    public static Quantiles Load(ref StateReader from, long rows) => new() { Sketch = QuantileSketch.Load(ref from, rows) };
}

/// <summary>How often values came, too many by at most n / 256, see <see cref="SpaceSaving"/>.</summary>
internal sealed class FrequentValues : IStatistic
{
    public FrequentValues(FieldType type) => Sketch = new SpaceSaving(type, Limits.FrequentValuesMax);

    private FrequentValues(SpaceSaving sketch) => Sketch = sketch;

    public SpaceSaving Sketch { get; }

    public long Bytes => ObjectBytes.Of(fields: 1) + Sketch.Bytes;

    public void Add(in StatisticRow row) => Sketch.Add(row.Value, out _);

    public void Merge(IStatistic other) => Sketch.Merge(((FrequentValues)other).Sketch);

    public void Save(StateWriter to) => Sketch.Save(to);

    public static FrequentValues Load(ref StateReader from, FieldType type, long rows)
    {
        var sketch = SpaceSaving.Load(ref from, type, Limits.FrequentValuesMax);
        return sketch.Total == rows ? new FrequentValues(sketch) : throw new StateFormatException($"values were counted {sketch.Total} times in {rows} rows");
    }
}
