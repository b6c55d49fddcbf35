using Orleans.Runtime.Providers;

namespace OrleansFeatures.Silo.Streams;

/// <summary>Pauses between tries to deliver a batch: 50 ms, doubled each time up to 2 s. Without chance: a partition's agent competes with nobody.</summary>
internal sealed class DeliveryBackoff : IMessageDeliveryBackoffProvider
{
    public TimeSpan Next(int attempt) =>
        attempt >= Doublings ? Limits.DeliveryRetryDelayMax : TimeSpan.FromTicks(Math.Min(Limits.DeliveryRetryDelayMin.Ticks << attempt, Limits.DeliveryRetryDelayMax.Ticks));

    /// <summary>As many as fit many times over: 50 ms x 2^16 is an hour.</summary>
    private const int Doublings = 16;
}

/// <summary>The pause after a read that threw what a receiver does not expect. It waits by itself after what it does expect.</summary>
internal sealed class ReadBackoff : IQueueReaderBackoffProvider
{
    public TimeSpan Next(int attempt) => Limits.TailRetryDelay;
}
