using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>The least and the greatest text, bytewise over UTF-8. Exact. Those of numbers are in the fold.</summary>
internal sealed class Extent : IStatistic
{
    public Value Least { get; private set; }

    public Value Greatest { get; private set; }

    public long Bytes => ObjectBytes.Of(fields: 6) + ObjectBytes.Text(Least) + ObjectBytes.Text(Greatest);

    public void Add(in StatisticRow row) => Widen(row.Value, row.Value);

    public void Merge(IStatistic other)
    {
        var extent = (Extent)other;
        if (!extent.Least.IsNull)
        {
            Widen(extent.Least, extent.Greatest);
        }
    }

    public void Save(StateWriter to)
    {
        SavedValues.Save(to, Least);
        SavedValues.Save(to, Greatest);
    }

    public static Extent Load(ref StateReader from, SummarySpec spec) => new() { Least = SavedValues.Value(ref from, spec.Type), Greatest = SavedValues.Value(ref from, spec.Type) };

    private void Widen(Value least, Value greatest)
    {
        Least = Least.IsNull || ValueOrder.Compare(least, Least) < 0 ? least : Least;
        Greatest = Greatest.IsNull || ValueOrder.Compare(greatest, Greatest) > 0 ? greatest : Greatest;
    }
}
