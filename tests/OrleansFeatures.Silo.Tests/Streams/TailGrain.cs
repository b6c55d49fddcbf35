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
}

/// <summary>A consumer with a PartitionGrain's shape, that writes down what it is given; and like that it leaves when the plan wants it elsewhere.</summary>
[ByPartition, ImplicitStreamSubscription(LogStream.Name)]
internal sealed class TailGrain(Arrivals arrivals, ILocalSiloDetails silo, PartitionPlans plans) : Grain, ITailGrain, IStreamSubscriptionObserver, IAsyncBatchObserver<LogBatch>
{
    private readonly Guid _activation = Guid.NewGuid();
    private readonly CancellationTokenSource _leaving = new();
    private int _calls;

    private int Partition => (int)this.GetPrimaryKeyLong();

    public Task<SiloAddress> SiloAsync() => Task.FromResult(silo.SiloAddress);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _ = LeaveWithThePlanAsync();
        return Task.CompletedTask;
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
        }
    }

    public Task OnErrorAsync(Exception ex)
    {
        arrivals.Errors.Enqueue((Partition, ex));
        return Task.CompletedTask;
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
