using System.Text;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Simulation.Checking;
using OrleansFeatures.Simulation.Running;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>
/// A service that pushes events and reads features. It outlives the store: a batch without an answer is sent again, with the same ids, to whatever store there is next.
/// </summary>
internal sealed class Client(int number, int contention, int seed, SimulatedClock clock, Trace trace, Tally tally, BitFlips flips, SharedPromises shared, Readings readings)
{
    private readonly Random _random = new(seed);
    private readonly EventMaker _events = new(number, contention, new Random(seed + 1), clock);
    private readonly byte[] _producer = Encoding.UTF8.GetBytes($"client{number}");
    private List<Operation> _open = [];
    private int _attempts;
    private SortedDictionary<int, long> _token = [];

    /// <summary>Batches that were answered.</summary>
    public long Batches { get; private set; }

    public Promises Promises { get; } = new();

    /// <summary>The batch that has no answer, if it has been sent at all.</summary>
    public IReadOnlyList<Operation> Open => _attempts > 0 ? _open : [];

    /// <summary>Works until the store is no more, or is about to stop.</summary>
    public async Task RunAsync(EmbeddedHost host, Func<bool> isStopping)
    {
        while (!isStopping())
        {
            if (_open.Count == 0)
            {
                (_open, _attempts) = (_events.Batch(), 0);
                tally.Events += _open.Count;
            }

            if (!await TryPushAsync(host))
            {
                return;
            }

            await TryReadAsync(host);
            await Task.Delay(Pause(), clock);
        }
    }

    /// <summary>The token of the last acknowledgement, which must hold for every store to come.</summary>
    public async Task ReadWithTokenAsync(EmbeddedHost host)
    {
        foreach ((int partition, long offset) in _token)
        {
            await host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition), new LogOffset(offset)), CancellationToken.None);
        }

        if (_random.Next(3) == 0)
        {
            await readings.ReadOnDemandAsync(host, _random, AsOf(), EventTime.Never.Micros, isHistory: false, _token);
            return;
        }

        (string entity, Value key) = _random.Next(3) == 0 ? ("shop", EventMaker.KeyOf("shop", _random.Next(Bounds.Shops))) : ("customer", EventMaker.KeyOf("customer", _random.Next(Bounds.Customers)));
        await readings.ReadAsync(host, entity, key, AsOf(), _token);
    }

    /// <summary>False when the store takes no more.</summary>
    private async Task<bool> TryPushAsync(EmbeddedHost host)
    {
        try
        {
            if (await PushAsync(host))
            {
                _open = [];
                Batches++;
            }
        }
        catch (Exception refusal) when (refusal is LogFullException or StateMemoryFullException or OriginalNotDurableException)
        {
            trace.Note($"client {number}: {refusal.GetType().Name}");
        }
        catch (OperationCanceledException)
        {
            tally.Cancellations++;
            trace.Note($"client {number}: has waited long enough");
        }
        catch (Exception damage) when (flips.Explains(damage))
        {
            return true;
        }
        catch (Exception end) when (end is LogPoisonedException or ObjectDisposedException)
        {
            trace.Note($"client {number}: the store has ended with {end.GetType().Name}");
            return false;
        }

        return true;
    }

    private async Task<bool> PushAsync(EmbeddedHost host)
    {
        using CancellationTokenSource? patience = _random.Next(6) == 0 ? new CancellationTokenSource(TimeSpan.FromMicroseconds(_random.Next(1, 20_000)), clock) : null;
        CancellationToken cancellation = patience?.Token ?? CancellationToken.None;
        using IntakeBatch batch = await host.BeginBatchAsync(cancellation);
        var answers = new (IntakeResult Result, IntakeNote Note)[_open.Count];
        for (int index = 0; index < answers.Length; index++)
        {
            Operation operation = _open[index];
            StreamPlan stream = batch.Catalog.Stream(operation.Stream)!;
            var provenance = new Provenance { Producer = _producer, Operation = operation.Kind };
            answers[index].Result = batch.Add(stream, stream.Version(0)!, operation.Fields, provenance, out answers[index].Note);
            if (SharedPromises.IsShared(operation.Id))
            {
                shared.Sent(operation);
            }
        }

        bool isRetry = _attempts++ > 0;
        tally.Retries += isRetry ? 1 : 0;
        if (!await host.AppendAsync(batch, wait: _random.Next(3) > 0, cancellation))
        {
            return false;
        }

        _token = batch.Positions();
        foreach (int index in Enumerable.Range(0, answers.Length).OrderBy(index => _open[index].Kind == EventOperation.Insert ? 0 : 1).ThenBy(index => index))
        {
            var (result, note) = answers[index];
            if (result == IntakeResult.Pending)
            {
                (result, note) = (batch.Corrections[note.Correction].Result, batch.Corrections[note.Correction].Note);
            }

            Answered(_open[index], result, note, isRetry);
        }

        return true;
    }

    private void Answered(Operation operation, IntakeResult result, in IntakeNote note, bool isRetry)
    {
        trace.Note($"client {number}: {operation} is {result}");
        tally.Answered(operation, result);
        if (operation.IsMalformed)
        {
            if (result != IntakeResult.Refused)
            {
                throw new ViolationException($"{operation} was {result}");
            }
        }
        else if (SharedPromises.IsShared(operation.Id))
        {
            shared.Answered(operation, result);
        }
        else
        {
            Promises.Answered(operation, result, note, isRetry);
        }
    }

    private async Task TryReadAsync(EmbeddedHost host)
    {
        try
        {
            if (_random.Next(2) == 0)
            {
                await ReadWithTokenAsync(host);
            }
        }
        catch (Exception damage) when (flips.Explains(damage))
        {
            trace.Note($"client {number}: no answer");
        }
        catch (OperationCanceledException)
        {
            trace.Note($"client {number}: the store ended while it waited");
        }
    }

    private long AsOf() => clock.WorldMicros - (_random.Next(3) == 0 ? _random.NextInt64(5 * Bounds.HourMicros) : 0);

    /// <summary>From milliseconds to minutes, so that sessions end, windows empty and producers fall idle.</summary>
    private TimeSpan Pause() => TimeSpan.FromMilliseconds(Math.Pow(10, _random.NextDouble() * 5.3));
}
