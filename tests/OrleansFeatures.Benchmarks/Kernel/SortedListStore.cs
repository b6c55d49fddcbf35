namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>
/// What one would write first: for each key a list of its events sorted by (time, id) and a set of their ids. An update searches and inserts, a read walks the window. Events leave
/// when a quarter of a list is too old.
/// </summary>
internal sealed class SortedListStore(long retentionMicros)
{
    private static readonly History Nothing = new();

    private readonly Dictionary<long, History> _byKey = [];

    public int Entities => _byKey.Count;

    public void Apply(in KernelEvent next)
    {
        if (!_byKey.TryGetValue(next.Key, out History? history))
        {
            _byKey[next.Key] = history = new History();
        }

        history.Add(next, retentionMicros);
    }

    /// <summary>Count, sum, mean, min and max of each window, window after window, as of an instant; NaN where there is nothing.</summary>
    public void Read(long key, long asOfMicros, ReadOnlySpan<long> windows, Span<double> values)
    {
        History history = _byKey.GetValueOrDefault(key) ?? Nothing;
        for (int window = 0; window < windows.Length; window++)
        {
            history.Read(asOfMicros, windows[window], values.Slice(window * 5, 5));
        }
    }

    private sealed class History
    {
        private readonly List<(long Time, long Id, double Amount)> _events = [];
        private readonly HashSet<long> _ids = [];

        public void Add(in KernelEvent next, long retentionMicros)
        {
            if (!_ids.Add(next.Id))
            {
                return;
            }

            (long, long, double) row = (next.TimeMicros, next.Id, next.Amount);
            int at = _events.Count;
            while (at > 0 && (_events[at - 1].Time, _events[at - 1].Id).CompareTo((next.TimeMicros, next.Id)) > 0)
            {
                at--;
            }

            _events.Insert(at, row);
            Forget(_events[^1].Time - retentionMicros);
        }

        public void Read(long asOfMicros, long width, Span<double> values)
        {
            (long count, double sum, double least, double greatest) = (0, 0, double.PositiveInfinity, double.NegativeInfinity);
            for (int at = _events.Count - 1; at >= 0 && _events[at].Time > asOfMicros - width; at--)
            {
                if (_events[at].Time <= asOfMicros)
                {
                    double amount = _events[at].Amount;
                    count++;
                    sum += amount;
                    least = Math.Min(least, amount);
                    greatest = Math.Max(greatest, amount);
                }
            }

            values[0] = count;
            values[1] = count == 0 ? double.NaN : sum;
            values[2] = count == 0 ? double.NaN : sum / count;
            values[3] = count == 0 ? double.NaN : least;
            values[4] = count == 0 ? double.NaN : greatest;
        }

        private void Forget(long throughMicros)
        {
            int quarter = _events.Count / 4;
            if (quarter > 0 && _events[quarter].Time <= throughMicros)
            {
                for (int at = 0; at < quarter; at++)
                {
                    _ids.Remove(_events[at].Id);
                }

                _events.RemoveRange(0, quarter);
            }
        }
    }
}
