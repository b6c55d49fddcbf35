using Microsoft.Extensions.Logging;
using Npgsql;
using Orleans.Streams;
using Orleans.Streams.Core;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Postgres.Upstream;

namespace OrleansFeatures.Silo.Upstream;

// Events of one partition of a hub upstream, on their way into the log. A hub delivers at least once; ids make that once in effect; so all there is to do here is never to lose one:
//
//        hub    ... 41  42  43  44 │ 45  46  47 ...
//                     ^            ^
//                     kept         taken            kept <= taken <= delivered
//
//   taken   Every message through here is durable in the store: its events in the log, the refused ones in the quarantine. Moves when the append has come back, and never else.
//   kept    The same, in PostgreSQL, a second behind at most. Receivers begin here. Moves forward only, whoever writes it.
//
// A delivery that fails throws, and the pulling agent delivers it again, for ever (UpstreamHosting). Beneath that, an agent's cache may still drop what it could not deliver for long, and an agent that is configured
// otherwise passes batches over. Either shows here as a message whose predecessor was not taken. Nothing behind the gap is taken then: the receivers are made to begin again at what is kept.

/// <summary>
/// Takes in the events of one hub partition (the key: <c>hub/partition</c>), through the same intake as every push. Its partition is a source of stream time.
/// </summary>
public interface IUpstreamGrain : IGrainWithStringKey
{
    /// <summary>The place of the last message taken, <see cref="UpstreamEvents.Beginning"/> before the first.</summary>
    [Alias("TakenThrough")]
    ValueTask<long> TakenThroughAsync();
}

/// <inheritdoc cref="IUpstreamGrain"/>
[ImplicitStreamSubscription(UpstreamStream.Name), Orleans.Placement.PreferLocalPlacement]
internal sealed class UpstreamGrain(BodyIntake intake, UpstreamPositions positions, ILogger<UpstreamGrain> logger) : Grain, IUpstreamGrain, IStreamSubscriptionObserver, IAsyncBatchObserver<UpstreamEvents>
{
    private static readonly UpstreamPosition Nothing = new(UpstreamEvents.Beginning, "");

    private UpstreamPartition _partition;
    private UpstreamPosition _taken = Nothing;
    private UpstreamPosition _kept = Nothing;
    private Task _beginAnew = Task.CompletedTask;

    public ValueTask<long> TakenThroughAsync() => ValueTask.FromResult(_taken.Sequence);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _partition = UpstreamPartition.Parse(this.GetPrimaryKeyString());
        _taken = _kept = await positions.FindAsync(_partition, cancellationToken) ?? Nothing;
        this.RegisterGrainTimer(KeepPositionAsync, Limits.UpstreamPositionPeriod, Limits.UpstreamPositionPeriod);
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => KeepPositionAsync(cancellationToken);

    /// <summary>The agent's first delivery. No token: where to begin is the receiver's business, what to pass over the grain's.</summary>
    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => handleFactory.Create<UpstreamEvents>().ResumeAsync(this);

    /// <summary>Completes when every event of the batch is durable. Throws otherwise, and the batch comes again; what of it was durable already is then passed over by its ids.</summary>
    public async Task OnNextAsync(IList<SequentialItem<UpstreamEvents>> items)
    {
        List<UpstreamEvents> news = [.. items.Select(item => item.Item).Where(item => item.Sequence > _taken.Sequence)];
        if (news.Count == 0)
        {
            return;
        }

        RequireNoGap(news);

        // By stream, because a push is of one; within a stream messages stay in their order. The agent gives up a call in the end, so this one must be over before it comes again.
        using var patience = new CancellationTokenSource(Limits.UpstreamTakeMax);
        foreach (IGrouping<string, UpstreamEvents> stream in news.GroupBy(item => item.Stream))
        {
            await intake.TakeAsync(stream.Key, UpstreamStream.ProducerOf(_partition), [.. stream.Select(item => (ReadOnlyMemory<byte>)item.Body)], patience.Token);
        }

        _taken = news[^1].Position;
    }

    /// <summary>An agent has passed something over. If it was a batch, the next one shows the gap.</summary>
    public Task OnErrorAsync(Exception ex)
    {
        LogMessages.UpstreamDeliveryFailed(logger, _partition.ToString(), _taken.Sequence, ex);
        return Task.CompletedTask;
    }

    private void RequireNoGap(List<UpstreamEvents> news)
    {
        long before = _taken.Sequence;
        foreach (UpstreamEvents item in news)
        {
            if (item.Previous > before)
            {
                // Not awaited: to begin anew is to stop the agent that waits for this call.
                if (_beginAnew.IsCompleted)
                {
                    _beginAnew = BeginAnewAsync(before, item.Previous);
                }

                throw new UpstreamGapException($"{_partition}: messages behind {before} through {item.Previous} were never delivered; the receivers begin again at the kept position, and nothing behind the gap is taken before that");
            }

            before = item.Sequence;
        }
    }

    private async Task BeginAnewAsync(long taken, long missing)
    {
        LogMessages.UpstreamGap(logger, _partition.ToString(), taken, missing);
        try
        {
            await GrainFactory.GetGrain<IManagementGrain>(0).SendControlCommandToProvider<UpstreamReceivers>(UpstreamStream.Name, UpstreamReceivers.BeginAnew, null);
        }
        catch (Exception exception)
        {
            // The top of a background task: silos may be coming and going. The agent delivers again, the gap shows again, and this is tried again.
            LogMessages.UpstreamBeginAnewFailed(logger, _partition.ToString(), exception);
        }
    }

    /// <summary>Whoever finds the kept position ahead of its own is not the only one to take in this partition, and makes room: its successor begins at what is kept.</summary>
    private async Task KeepPositionAsync(CancellationToken cancellationToken)
    {
        UpstreamPosition taken = _taken;
        if (taken == _kept)
        {
            return;
        }

        try
        {
            if (!await positions.TryAdvanceAsync(_partition, taken, cancellationToken))
            {
                LogMessages.UpstreamOvertaken(logger, _partition.ToString(), taken.Sequence);
                DeactivateOnIdle();
            }

            _kept = taken;
        }
        catch (NpgsqlException exception)
        {
            // Nothing hangs on it but how much is read again after a loss. The next tick tries again.
            LogMessages.UpstreamPositionNotKept(logger, _partition.ToString(), taken.Sequence, exception.Message);
        }
    }
}

/// <summary>A batch came whose predecessor did not.</summary>
[GenerateSerializer, Alias("OrleansFeatures.UpstreamGapException")]
public sealed class UpstreamGapException(string message) : Exception(message);
