using System.Diagnostics.Metrics;
using OrleansFeatures.Gateway;

namespace OrleansFeatures.Silo.Operations;

/// <summary>
/// Adds up what the gateway and the PostgreSQL client of this process count, for <c>/metrics</c>. Instruments call from the threads of requests, so everything here is an atomic addition; and what a callback throws is
/// thrown at the request, so an instrument is listened to by its name, and those that came with a later version are passed over.
/// </summary>
internal sealed class ProcessFigures : IDisposable
{
    /// <summary>Npgsql's counter, in 32 bits.</summary>
    private const string FailedStatements = "db.client.operation.failed";

    /// <summary>Upper bounds in seconds: a lookup in this silo takes a tenth of a millisecond, one that waits for a moving partition a second.</summary>
    private static readonly double[] Bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

    private readonly MeterListener _listener = new();
    private readonly Tally _events = new("accepted", "duplicate", "refused");
    private readonly Tally _lookups = new("ok", "refused", "failed");
    private readonly Tally _subscriptionRows = new();
    private readonly Tally _predictions = new();
    private readonly Tally _amendments = new();
    private readonly Tally _failedStatements = new();
    private readonly long[] _buckets = new long[Bounds.Length + 1];
    private long _nanoseconds;

    public ProcessFigures()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (TallyOf(instrument) is { } tally)
            {
                listener.EnableMeasurementEvents(instrument, tally);
            }
        };
        _listener.SetMeasurementEventCallback<int>(static (_, count, tags, tally) => ((Tally)tally!).Add(count, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, count, tags, tally) => ((Tally)tally!).Add(count, tags));
        _listener.SetMeasurementEventCallback<double>((_, seconds, tags, tally) => Looked(seconds, tags, (Tally)tally!));
        _listener.Start();
    }

    public void WriteTo(MetricsText text)
    {
        text.Counter("events_accepted_total", "Events acknowledged by this silo's gateway, late ones too.", _events.Of("accepted"))
            .Counter("events_duplicate_total", "Copies that this silo's gateway acknowledged without storing them again.", _events.Of("duplicate"))
            .Counter("events_refused_total", "Events that this silo's gateway put into the quarantine.", _events.Of("refused"))
            .Counter("postgres_errors_total", "Statements that failed, tries again counted.", _failedStatements.Total)
            .Counter("subscription_rows_total", "Rows that this silo's gateway has sent to subscribers.", _subscriptionRows.Total)
            .Counter("predictions_total", "Predictions that this silo's gateway has made durable.", _predictions.Total)
            .Counter("amendments_total", "Amendments that this silo has written while it had the turn.", _amendments.Total)
            .Each("counter", "lookups_total", "Lookups at this silo's gateway, by what became of them.", "outcome", _lookups.Values.Select(outcome => (outcome, (double)_lookups.Of(outcome))))
            .Histogram("lookup_duration_seconds", "Time of a lookup as this silo's gateway saw it.", Bounds, _buckets.Select((_, index) => Interlocked.Read(ref _buckets[index])).ToArray(), Interlocked.Read(ref _nanoseconds) / 1e9);
    }

    public void Dispose() => _listener.Dispose();

    private Tally? TallyOf(Instrument instrument) => (instrument.Meter.Name, instrument.Name) switch
    {
        (GatewayMeters.Name, GatewayMeters.Events) => _events,
        (GatewayMeters.Name, GatewayMeters.LookupDuration) => _lookups,
        (GatewayMeters.Name, GatewayMeters.SubscriptionRows) => _subscriptionRows,
        (GatewayMeters.Name, GatewayMeters.Predictions) => _predictions,
        (GatewayMeters.Name, GatewayMeters.Amendments) => _amendments,
        ("Npgsql", FailedStatements) => _failedStatements,
        _ => null,
    };

    private void Looked(double seconds, ReadOnlySpan<KeyValuePair<string, object?>> tags, Tally outcomes)
    {
        int bucket = Array.BinarySearch(Bounds, seconds);
        Interlocked.Increment(ref _buckets[bucket < 0 ? ~bucket : bucket]);
        outcomes.Add(1, tags);
        Interlocked.Add(ref _nanoseconds, (long)(seconds * 1e9));
    }

    /// <summary>A sum for each value of an instrument's first tag; one sum where no values are named.</summary>
    private sealed class Tally(params string[] values)
    {
        private readonly long[] _sums = new long[Math.Max(1, values.Length)];

        public IReadOnlyList<string> Values => values;

        public long Total => _sums.Select((_, index) => Interlocked.Read(ref _sums[index])).Sum();

        public long Of(string value) => Interlocked.Read(ref _sums[Array.IndexOf(values, value)]);

        public void Add(long count, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            Interlocked.Add(ref _sums[values.Length == 0 || tags.IsEmpty ? 0 : Math.Max(0, Array.IndexOf(values, tags[0].Value as string))], count);
    }
}
