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

    private void Widen(in StatisticRow oldest, in StatisticRow newest)
    {
        _oldest = _isEmpty || oldest.CompareTo(_oldest) < 0 ? oldest : _oldest;
        _newest = _isEmpty || newest.CompareTo(_newest) > 0 ? newest : _newest;
        _isEmpty = false;
    }
}
