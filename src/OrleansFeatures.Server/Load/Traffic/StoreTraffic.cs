using Grpc.Core;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Demo;
using OrleansFeatures.Server.Load.Objectives;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>A store under load: makes the lanes of a scenario, and what has to be there before it runs.</summary>
internal sealed class StoreTraffic(IStoreCalls store, TrafficSchema traffic, int entities, bool asOfStream, ulong seed)
{
    private static readonly long PrepareSpanMicros = TimeSpan.FromDays(1).Ticks / TimeSpan.TicksPerMicrosecond;

    private readonly EventDraw _events = new(traffic, entities, seed);
    private readonly LookupDraw _lookups = new(traffic, entities, asOfStream);
    private long _prepared;

    /// <summary>Events written by <see cref="PrepareAsync"/> so far.</summary>
    public long Prepared => Interlocked.Read(ref _prepared);

    public IReadOnlyList<LoadLane> Lanes(Scenario scenario, Spacing spacing) =>
    [
        .. scenario.Rates.Select((each, at) => new LoadLane(
            each.Operation,
            Target(each.Operation, scenario, seed + (ulong)at),
            new Arrivals(Profile(scenario, each.Rate), spacing, seed + (ulong)at))),
    ];

    /// <summary>The share of some entities, drawn as lookups draw them, that the store has any state of. Fails as a lookup would, so what is wrong with lookups is said before the run.</summary>
    public async Task<double> KnownShareAsync(ServerConnection connection, CancellationToken cancellationToken)
    {
        GetFeaturesRequest probe = _lookups.One(Limits.LoadProbeRows, new SeededRandom(seed));
        probe.Compact = false;
        GetFeaturesResponse answer = await connection.CallAsync(options => connection.Features.GetFeaturesAsync(probe, options), cancellationToken).ConfigureAwait(false);
        return answer.States.Count == 0 ? 1 : answer.States.Count(state => state.StateVersion > 0) / (double)answer.States.Count;
    }

    /// <summary>One lookup over the transport that is to be loaded. Throws what is wrong with it.</summary>
    public async Task ProbeAsync(string server, CancellationToken cancellationToken)
    {
        LoadOutcome outcome = await store.Ready(_lookups.One(1, new SeededRandom(seed)))(cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (!outcome.IsOk)
        {
            string said = $"{server}: a lookup over {store.Transport} is answered with {outcome.Code}: {outcome.Detail}";
            throw outcome.Code == CallOutcome.Unavailable ? CommandFailure.Unreachable(said) : CommandFailure.Refused(said);
        }
    }

    /// <summary>Writes events of the last day, oldest first, over one stream with a bounded number of batches under way; ends when all are durable.</summary>
    public async Task PrepareAsync(ServerConnection connection, long count, CancellationToken cancellationToken)
    {
        using AsyncDuplexStreamingCall<PushRequest, PushResponse> call = connection.Ingest.PushStream(cancellationToken: cancellationToken);
        var room = new SemaphoreSlim(Limits.LoadPrepareBatches);
        Task acknowledged = AcknowledgeAsync(call.ResponseStream, room);
        try
        {
            long now = EventDraw.NowMicros();
            for (long from = 0; from < count && !acknowledged.IsCompleted;)
            {
                if (!await room.WaitAsync(Limits.CallTimeoutSeconds * 1_000, cancellationToken).ConfigureAwait(false))
                {
                    throw CommandFailure.Unreachable($"{connection.Server}: no acknowledgement of prepared events for {Limits.CallTimeoutSeconds} s");
                }

                int batch = (int)Math.Min(Limits.BatchEvents, count - from);
                from += batch;
                long end = now - (long)(PrepareSpanMicros * (double)(count - from) / count);
                await call.RequestStream.WriteAsync(_events.Batch(batch, end, (long)(PrepareSpanMicros * (double)batch / count)), cancellationToken).ConfigureAwait(false);
            }

            await call.RequestStream.CompleteAsync().ConfigureAwait(false);
            await acknowledged.ConfigureAwait(false);
        }
        catch (RpcException exception)
        {
            throw connection.Failure(exception);
        }
    }

    private async Task AcknowledgeAsync(IAsyncStreamReader<PushResponse> answers, SemaphoreSlim room)
    {
        try
        {
            await foreach (PushResponse answer in answers.ReadAllAsync().ConfigureAwait(false))
            {
                if (answer.Quarantined > 0)
                {
                    throw CommandFailure.Refused($"events made up for stream {traffic.Stream} are refused: {answer.Refusals[0].Field} {answer.Refusals[0].Reason} ({answer.Refusals[0].Fix}); push events of your own, and load with lookup or batch");
                }

                Interlocked.Add(ref _prepared, (long)(answer.Accepted + answer.Duplicates + answer.Late));
                room.Release();
            }
        }
        finally
        {
            // Whoever waits for room looks at how this ended.
            room.Release();
        }
    }

    private ILoadTarget Target(string operation, Scenario scenario, ulong laneSeed) => operation switch
    {
        Operations.Lookup => new LookupTarget(store, _lookups.Draw(1, laneSeed)),
        Operations.Batch => new LookupTarget(store, _lookups.Draw(scenario.Rows, laneSeed)),
        Operations.Observe => new ObserveTarget(store, traffic, _lookups, _events, entities),
        Operations.Push => new PushTarget(store, _events, scenario.Events),
        Operations.Readable => new ReadableTarget(store, _lookups, _events, scenario.Events),
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "no such operation"),
    };

    private static RateProfile Profile(Scenario scenario, double rate) =>
        scenario.Spike > 1 ? RateProfile.Spike(rate, scenario.Spike, scenario.Duration) : RateProfile.Constant(rate, scenario.Duration);
}
