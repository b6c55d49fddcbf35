using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Demo;

/// <summary>
/// The demo's load on a store, over real gRPC, in four tasks:
/// <list type="bullet">
/// <item>the producer streams transactions at the chosen rate: simulated time runs as fast as that takes;</item>
/// <item>the freshness probe takes acknowledged batches and reads, over another connection, a customer of each with the batch's token: push
/// to readable is from before the batch was written to after that read came back, so it includes one lookup;</item>
/// <item>lookups read random recent customer-terminal pairs, a fixed number a second;</item>
/// <item>the watch reads the busiest customers and some compromised terminals four times a second for the screen.</item>
/// </list>
/// The first moments, in which code is still being compiled, are not recorded (<see cref="WarmUp"/>).
/// </summary>
internal sealed class DemoTraffic(string server, FraudSimulation simulation, ulong seed, int rate, DemoFigures figures)
{
    private const int RecentMax = 1_024;

    /// <summary>A store that is given more than it can take becomes slow, not wrong: the demo shows that, it does not fail.</summary>
    private const int ProbeWaitMs = 20_000;
    private static readonly TimeSpan WarmUpMax = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LookupEvery = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan WatchEvery = TimeSpan.FromMilliseconds(250);

    private readonly DisorderedStream _stream = new(simulation, seed);
    private readonly Transaction[] _recent = new Transaction[RecentMax];
    private readonly SemaphoreSlim _room = new(Limits.UnacknowledgedBatchesMax);

    private readonly Channel<(long Pushed, int Customer, int Terminal, ConsistencyToken Token)> _probes =
        Channel.CreateBounded<(long, int, int, ConsistencyToken)>(new BoundedChannelOptions(RecentMax) { FullMode = BoundedChannelFullMode.DropWrite });

    private long _sent;
    private long _recordFrom;

    /// <summary>How long after the start nothing is recorded, in a run of this length.</summary>
    public static TimeSpan WarmUp(TimeSpan duration) => duration / 4 < WarmUpMax ? duration / 4 : WarmUpMax;

    /// <summary>Runs until <paramref name="duration"/> has passed or the token is cancelled; every event sent is then acknowledged.</summary>
    public async Task RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(duration);
        _recordFrom = Stopwatch.GetTimestamp() + (long)(WarmUp(duration).TotalSeconds * Stopwatch.Frequency);
        Task[] readers = [ProbeAsync(), LookUpAsync(over.Token), WatchAsync(over.Token)];
        try
        {
            await ProduceAsync(over.Token).ConfigureAwait(false);
        }
        finally
        {
            _probes.Writer.TryComplete();
            await over.CancelAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(readers).ConfigureAwait(false);
    }

    private async Task ProduceAsync(CancellationToken over)
    {
        using var connection = new ServerConnection(server);
        using AsyncDuplexStreamingCall<PushRequest, PushResponse> call = connection.Ingest.PushStream(cancellationToken: CancellationToken.None);
        var underway = Channel.CreateBounded<(long Pushed, Transaction Last)>(Limits.UnacknowledgedBatchesMax);
        Task acknowledgements = AcknowledgeAsync(call.ResponseStream, underway.Reader);
        long started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(Tick);
        while (await TickAsync(timer, over).ConfigureAwait(false) && !acknowledgements.IsCompleted)
        {
            int due = (int)Math.Min(Limits.BatchEventsMax, (Stopwatch.GetElapsedTime(started).TotalSeconds * rate) - _sent);
            while (due > 0 && !over.IsCancellationRequested && !acknowledgements.IsCompleted)
            {
                int count = Math.Min(due, Limits.BatchEvents);
                due -= count;
                await _room.WaitAsync(CancellationToken.None).ConfigureAwait(false);
                PushRequest batch = NextBatch(count, out Transaction last);
                await underway.Writer.WriteAsync((Stopwatch.GetTimestamp(), last), CancellationToken.None).ConfigureAwait(false);
                await call.RequestStream.WriteAsync(batch, CancellationToken.None).ConfigureAwait(false);
                _sent += count;
            }
        }

        await call.RequestStream.CompleteAsync().ConfigureAwait(false);
        await acknowledgements.ConfigureAwait(false);
    }

    private PushRequest NextBatch(int count, out Transaction last)
    {
        Column ids = new(), times = new(), customers = new(), terminals = new(), amounts = new(), frauds = new();
        last = default;
        for (int at = 0; at < count; at++)
        {
            last = _stream.Next();
            ids.Int64S.Add(last.Id);
            times.TimestampsMicros.Add(last.Time.Micros);
            customers.Int64S.Add(last.Customer);
            terminals.Int64S.Add(last.Terminal);
            amounts.Doubles.Add(last.Amount);
            frauds.Bools.Add(last.Fraud);
            _recent[(_sent + at) % RecentMax] = last;
        }

        return new PushRequest
        {
            Stream = "transactions",
            FieldNames = { "tx_id", "tx_time", "customer_id", "terminal_id", "amount", "fraud" },
            Columns = new ColumnEvents { Count = (uint)count, Columns = { ids, times, customers, terminals, amounts, frauds } },
        };
    }

    private async Task AcknowledgeAsync(IAsyncStreamReader<PushResponse> answers, ChannelReader<(long Pushed, Transaction Last)> underway)
    {
        await foreach (PushResponse answer in answers.ReadAllAsync().ConfigureAwait(false))
        {
            underway.TryRead(out (long Pushed, Transaction Last) batch);
            figures.Acknowledged(answer.Accepted, answer.Duplicates, answer.Late + answer.Quarantined);
            _probes.Writer.TryWrite((batch.Pushed, batch.Last.Customer, batch.Last.Terminal, answer.Token));
            _room.Release();
        }
    }

    private async Task ProbeAsync()
    {
        using var connection = new ServerConnection(server);
        await foreach ((long pushed, int customer, int terminal, ConsistencyToken token) in _probes.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            GetFeaturesRequest request = Request([(customer, terminal)], compact: true);
            request.MinToken = token;
            request.MaxWaitMs = ProbeWaitMs;
            await connection.CallAsync(options => connection.Features.GetFeaturesAsync(request, options), CancellationToken.None).ConfigureAwait(false);
            if (pushed > _recordFrom)
            {
                figures.Fresh(Stopwatch.GetElapsedTime(pushed));
            }
        }
    }

    private async Task LookUpAsync(CancellationToken over)
    {
        using var connection = new ServerConnection(server);
        var random = new SeededRandom(seed);
        using var timer = new PeriodicTimer(LookupEvery);
        while (await TickAsync(timer, over).ConfigureAwait(false))
        {
            Transaction recent = _recent[random.Below(RecentMax)];
            GetFeaturesRequest request = Request([(recent.Customer, recent.Terminal)], compact: true);
            long started = Stopwatch.GetTimestamp();
            await connection.CallAsync(options => connection.Features.GetFeaturesAsync(request, options), CancellationToken.None).ConfigureAwait(false);
            if (started > _recordFrom)
            {
                figures.LookedUp(Stopwatch.GetElapsedTime(started));
            }
        }
    }

    private async Task WatchAsync(CancellationToken over)
    {
        using var connection = new ServerConnection(server);
        using var timer = new PeriodicTimer(WatchEvery);
        int[] customers = simulation.Busiest(DemoScreen.CustomersShown).ToArray();
        var terminals = new WatchedTerminals(DemoScreen.CustomersShown);
        while (await TickAsync(timer, over).ConfigureAwait(false))
        {
            IReadOnlyList<CompromisedTerminal?> suspects = terminals.Update(simulation.NewestCompromised);
            (int Customer, int Terminal)[] rows = customers.Select((customer, at) => (customer, suspects[at]?.Terminal ?? 0)).ToArray();
            GetFeaturesRequest request = Request(rows, compact: false);
            GetFeaturesResponse answer = await connection.CallAsync(options => connection.Features.GetFeaturesAsync(request, options), CancellationToken.None).ConfigureAwait(false);
            var cells = new FeatureCells(answer.Columns);
            WatchedCustomer[] watched = rows.Select((row, at) => new WatchedCustomer(
                row.Customer, row.Terminal,
                Enumerable.Range(0, cells.Columns.Count).Select(column => DemoScreen.Text(cells, answer.Rows, at, column)).ToArray())).ToArray();
            long complete = answer.States.Count > 0 ? answer.States.Max(state => state.CompleteThroughMicros) : 0;
            figures.Watched(complete == 0 ? "" : new EventTime(complete).ToString(), cells.Columns.Select(column => column.Name).ToArray(), watched);
        }
    }

    private static GetFeaturesRequest Request(IEnumerable<(int Customer, int Terminal)> rows, bool compact)
    {
        var customers = new KeyColumn { Field = "customer_id" };
        var terminals = new KeyColumn { Field = "terminal_id" };
        foreach ((int customer, int terminal) in rows)
        {
            customers.Int64S.Add(customer);
            terminals.Int64S.Add(terminal);
        }

        return new GetFeaturesRequest
        {
            What = new FeatureSelection { FeatureService = "fraud" },
            Keys = { customers, terminals },
            AsOfStreamTime = true,
            Compact = compact,
        };
    }

    private static async ValueTask<bool> TickAsync(PeriodicTimer timer, CancellationToken over)
    {
        try
        {
            return await timer.WaitForNextTickAsync(over).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
