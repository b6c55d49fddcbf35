using OrleansFeatures.Server.Load;

namespace OrleansFeatures.Server.Demo;

/// <summary>A customer as the demo shows it: its features by name, as text.</summary>
internal sealed record WatchedCustomer(int Customer, int Terminal, IReadOnlyList<string> Values);

/// <summary>What the demo measures. Its tasks record, the screen reads; all under one lock, at some hundred entries a second.</summary>
internal sealed class DemoFigures
{
    private readonly Lock _lock = new();
    private readonly LatencyHistogram _freshness = new();
    private readonly LatencyHistogram _lookup = new();
    private ulong _accepted;
    private ulong _duplicates;
    private ulong _others;
    private string _streamTime = "";
    private IReadOnlyList<string> _featureNames = [];
    private IReadOnlyList<WatchedCustomer> _customers = [];

    public void Acknowledged(ulong accepted, ulong duplicates, ulong others)
    {
        lock (_lock)
        {
            _accepted += accepted;
            _duplicates += duplicates;
            _others += others;
        }
    }

    /// <summary>An event became readable this long after it was pushed.</summary>
    public void Fresh(TimeSpan after)
    {
        lock (_lock)
        {
            _freshness.Record(after);
        }
    }

    public void LookedUp(TimeSpan took)
    {
        lock (_lock)
        {
            _lookup.Record(took);
        }
    }

    public void Watched(string streamTime, IReadOnlyList<string> featureNames, IReadOnlyList<WatchedCustomer> customers)
    {
        lock (_lock)
        {
            _streamTime = streamTime;
            _featureNames = featureNames;
            _customers = customers;
        }
    }

    public DemoSnapshot Snapshot()
    {
        lock (_lock)
        {
            return new DemoSnapshot(
                _accepted, _duplicates, _others, _streamTime,
                new Percentiles(_freshness.Count, _freshness.Percentile(50), _freshness.Percentile(99), _freshness.Percentile(99.9)),
                new Percentiles(_lookup.Count, _lookup.Percentile(50), _lookup.Percentile(99), _lookup.Percentile(99.9)),
                _featureNames, _customers);
        }
    }
}

internal readonly record struct Percentiles(long Count, TimeSpan P50, TimeSpan P99, TimeSpan P999);

/// <summary>The figures at one moment.</summary>
internal sealed record DemoSnapshot(
    ulong Accepted, ulong Duplicates, ulong Others, string StreamTime,
    Percentiles Freshness, Percentiles Lookup,
    IReadOnlyList<string> FeatureNames, IReadOnlyList<WatchedCustomer> Customers)
{
    public ulong Events => Accepted + Duplicates + Others;
}
