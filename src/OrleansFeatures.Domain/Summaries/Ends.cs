using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>The oldest and the newest row, by event time and then id. Exact.</summary>
internal sealed class Ends : IStatistic
{
    private bool _isEmpty = true;
    private StatisticRow _oldest;
    private StatisticRow _newest;

    public StatisticRow Oldest => _oldest;

    public StatisticRow Newest => _newest;

    public long Bytes => ObjectBytes.Of(fields: 13) + ObjectBytes.Texts(_oldest) + ObjectBytes.Texts(_newest);

    public void Add(in StatisticRow row) => Widen(row, row);

    public void Merge(IStatistic other)
    {
        var ends = (Ends)other;
        if (!ends._isEmpty)
        {
            Widen(ends._oldest, ends._newest);
        }
    }

    public void Save(StateWriter to)
    {
        SavedValues.Save(to, _oldest, default);
        SavedValues.Save(to, _newest, _oldest);
    }

    public static Ends Load(ref StateReader from, SummarySpec spec)
    {
        StatisticRow oldest = SavedValues.Row(ref from, spec, default);
        StatisticRow newest = SavedValues.Row(ref from, spec, oldest);
        return newest.CompareTo(oldest) >= 0 ? new Ends { _isEmpty = false, _oldest = oldest, _newest = newest } : throw new StateFormatException("the newest row is older than the oldest");
    }

    private void Widen(in StatisticRow oldest, in StatisticRow newest)
    {
        _oldest = _isEmpty || oldest.CompareTo(_oldest) < 0 ? oldest : _oldest;
        _newest = _isEmpty || newest.CompareTo(_newest) > 0 ? newest : _newest;
        _isEmpty = false;
    }
}
