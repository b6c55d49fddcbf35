using System.Diagnostics.Metrics;
using OrleansFeatures.Gateway;

namespace OrleansFeatures.Silo.Operations;

/// <summary>Adds up what the gateway and the PostgreSQL client of this process count, for <c>/metrics</c>. Instruments call from the threads of requests, so everything here is an atomic addition.</summary>
internal sealed class ProcessFigures : IDisposable
{
    /// <summary>Npgsql's counter, in 32 bits.</summary>
    private const string FailedStatements = "db.client.operation.failed";

    private static readonly string[] EventOutcomes = ["accepted", "duplicate", "refused"];
    private static readonly string[] LookupOutcomes = ["ok", "refused", "failed"];

    /// <summary>Upper bounds in seconds: a lookup in this silo takes a tenth of a millisecond, one that waits for a moving partition a second.</summary>
    private static readonly double[] Bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

    private readonly MeterListener _listener = new();
    private readonly long[] _events = new long[EventOutcomes.Length];
    private readonly long[] _lookups = new long[LookupOutcomes.Length];
    private readonly long[] _buckets = new long[Bounds.Length + 1];
    private long _nanoseconds;
    private long _failedStatements;

    public ProcessFigures()
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == GatewayMeters.Name || (instrument.Meter.Name == "Npgsql" && instrument.Name == FailedStatements))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((_, statements, _, _) => Interlocked.Add(ref _failedStatements, statements));
        _listener.SetMeasurementEventCallback<long>((_, events, tags, _) => Interlocked.Add(ref _events[OutcomeOf(tags, EventOutcomes)], events));
        _listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) => Looked(seconds, OutcomeOf(tags, LookupOutcomes)));
        _listener.Start();
    }

    public void WriteTo(MetricsText text)
    {
        text.Counter("events_accepted_total", "Events acknowledged by this silo's gateway, late ones too.", Interlocked.Read(ref _events[0]))
            .Counter("events_duplicate_total", "Copies that this silo's gateway acknowledged without storing them again.", Interlocked.Read(ref _events[1]))
            .Counter("events_refused_total", "Events that this silo's gateway put into the quarantine.", Interlocked.Read(ref _events[2]))
            .Counter("postgres_errors_total", "Statements that failed, tries again counted.", Interlocked.Read(ref _failedStatements))
            .Each("counter", "lookups_total", "Lookups at this silo's gateway, by what became of them.", "outcome", LookupOutcomes.Select((outcome, index) => (outcome, (double)Interlocked.Read(ref _lookups[index]))))
            .Histogram("lookup_duration_seconds", "Time of a lookup as this silo's gateway saw it.", Bounds, _buckets.Select((_, index) => Interlocked.Read(ref _buckets[index])).ToArray(), Interlocked.Read(ref _nanoseconds) / 1e9);
    }

    public void Dispose() => _listener.Dispose();

    private void Looked(double seconds, int outcome)
    {
        int bucket = Array.BinarySearch(Bounds, seconds);
        Interlocked.Increment(ref _buckets[bucket < 0 ? ~bucket : bucket]);
        Interlocked.Increment(ref _lookups[outcome]);
        Interlocked.Add(ref _nanoseconds, (long)(seconds * 1e9));
    }

    private static int OutcomeOf(ReadOnlySpan<KeyValuePair<string, object?>> tags, string[] outcomes) => Math.Max(0, Array.IndexOf(outcomes, tags[0].Value as string));
}
