using Microsoft.Extensions.Logging;
using Orleans.Streams;

namespace OrleansFeatures.Silo.Streams;

/// <summary>
/// What became of this silo's deliveries of log batches, counted since it started. Any thread may ask.
/// </summary>
/// <remarks>
/// Also hears of what could not be delivered. That is never lost, because a PartitionGrain owns its position: it reads from the log itself what its stream passed over, when the next batch shows a
/// gap, when its observer is told of the error, or when its keeper sees that it has not moved. So all there is to do is to say so.
/// </remarks>
public sealed class LogDeliveries(ILogger<LogDeliveries> logger) : IStreamFailureHandler
{
    private long _delivered;
    private long _departed;
    private long _passedOver;

    /// <summary>Deliveries begun: each a call to a PartitionGrain, retries not counted.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>Calls that went to another silo, retries counted: none, but for the moments in which silos see different members.</summary>
    public long Departed => Interlocked.Read(ref _departed);

    /// <summary>Deliveries given up after <see cref="Limits.DeliveryTimeMax"/>; their records were left to the PartitionGrain's own reading.</summary>
    public long PassedOver => Interlocked.Read(ref _passedOver);

    /// <summary>A partition's subscription is part of the grain's class and must survive any error.</summary>
    public bool ShouldFaultSubsriptionOnError => false;

    public Task OnDeliveryFailure(GuidId subscriptionId, string streamProviderName, StreamId streamIdentity, StreamSequenceToken? sequenceToken)
    {
        Interlocked.Increment(ref _passedOver);
        LogMessages.DeliveryPassedOver(logger, streamIdentity.GetKeyAsString(), sequenceToken?.SequenceNumber ?? -1);
        return Task.CompletedTask;
    }

    public Task OnSubscriptionFailure(GuidId subscriptionId, string streamProviderName, StreamId streamIdentity, StreamSequenceToken? sequenceToken)
    {
        LogMessages.SubscriptionFailed(logger, streamIdentity.GetKeyAsString());
        return Task.CompletedTask;
    }

    internal void CountDelivery() => Interlocked.Increment(ref _delivered);

    internal void CountDeparture() => Interlocked.Increment(ref _departed);
}
