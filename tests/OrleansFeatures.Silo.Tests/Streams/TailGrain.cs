using System.Diagnostics;
using Orleans.Streams;
using Orleans.Streams.Core;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Streams;

namespace OrleansFeatures.Silo.Tests.Streams;

public interface ITailGrain : IGrainWithIntegerKey
{
    Task<SiloAddress> SiloAsync();

    Task<Guid> ActivationAsync();

    Task LeaveAsync();
}

/// <summary>
/// A consumer with a PartitionGrain's shape and no state but its position: takes the partition over when it is activated, catches up from the log, passes over what it has, reads gaps from the log, and
/// leaves when the plan wants it elsewhere or another has taken the partition over. Writes down what it was given (<see cref="Arrivals"/>) and what it did (<see cref="Ledger"/>).
/// </summary>
[ByPartition, ImplicitStreamSubscription(LogStream.Name)]
internal sealed class TailGrain(Arrivals arrivals, Ledger ledger, FakeTails log, ILocalSiloDetails silo, PartitionPlans plans)
    : Grain, ITailGrain, IStreamSubscriptionObserver, IAsyncBatchObserver<LogBatch>
{
    private readonly Guid _activation = Guid.NewGuid();
    private readonly CancellationTokenSource _leaving = new();
    private int _calls;
    private int _epoch;
    private long _position;

    private int Partition => (int)this.GetPrimaryKeyLong();

    public Task<SiloAddress> SiloAsync() => Task.FromResult(silo.SiloAddress);

    public Task<Guid> ActivationAsync() => Task.FromResult(_activation);

    public Task LeaveAsync()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await arrivals.Activating(Partition);
        (_epoch, _position) = ledger.Acquire(Partition);
        Apply(log.Durable(new PartitionId(Partition)).Value);
        _ = LeaveWithThePlanAsync();
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _leaving.CancelAsync();

    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => handleFactory.Create<LogBatch>().ResumeAsync(this);

    public async Task OnNextAsync(IList<SequentialItem<LogBatch>> items)
    {
        await arrivals.Before(Partition);
        _calls++;
        foreach (SequentialItem<LogBatch> item in items)
        {
            arrivals.Add(new Arrival(item.Item, silo.SiloAddress, _activation, _calls, Stopwatch.GetTimestamp()));
            Apply(item.Item.Last);
        }
    }

    public Task OnErrorAsync(Exception ex)
    {
        arrivals.Errors.Enqueue((Partition, ex));
        return Task.CompletedTask;
    }

    /// <summary>Everything through an offset that is not done yet, from the batch or from the log: what this shape of consumer makes of a repetition and of a gap.</summary>
    private void Apply(long through)
    {
        if (through <= _position)
        {
            return;
        }

        if (ledger.TryApply(Partition, _epoch, _position, through))
        {
            _position = through;
        }
        else
        {
            DeactivateOnIdle();
        }
    }

    private async Task LeaveWithThePlanAsync()
    {
        try
        {
            PartitionPlan plan = plans.Current;
            while (plan.SiloOf(new PartitionId(Partition)) is not { } planned || planned.Equals(silo.SiloAddress))
            {
                plan = await plans.WaitForChangeAsync(plan, _leaving.Token);
            }

            DeactivateOnIdle();
        }
        catch (OperationCanceledException)
        {
            // It leaves anyway.
        }
    }
}
