namespace OrleansFeatures.Silo;

/// <summary>Every bound of a silo, with its arithmetic: here those of streams and placement.</summary>
public static partial class Limits
{
    /// <summary>One read of a partition's tail, and what one delivery to a PartitionGrain may carry: some 4,000 events of 250 bytes, which keep it busy for about 10 ms. More per call saves nothing, and a shorter one would let go of the gate sooner than anybody asks.</summary>
    public const int DeliveryBytesMax = 1024 * 1024;

    /// <summary>
    /// Frames that wait for a PartitionGrain in its queue's cache before the tail is read on: two deliveries, so that the next is there when one ends. One more read may come on top.
    /// With 64 partitions in one silo and every grain stuck: 64 x 3 MB = 192 MB.
    /// </summary>
    public const int QueueBytesMax = 2 * DeliveryBytesMax;

    /// <summary>
    /// How soon a pulling agent looks again where its read came back without anything, which a long poll does only when the silo stops, while a stream is made known (its first batch), and after an
    /// error. It never stands between an append and its delivery otherwise. An agent whose read waits does not tick.
    /// </summary>
    public static readonly TimeSpan PullPeriod = TimeSpan.FromMilliseconds(10);

    /// <summary>After a tail could not be read (PostgreSQL is away) the receiver tries again so much later. Its silo's follower reconnects by itself; this only keeps 64 receivers from asking it all the time.</summary>
    public static readonly TimeSpan TailRetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a pulling agent keeps offering one batch before it passes over it, telling <c>OnErrorAsync</c> and <see cref="Streams.LogDeliveries"/> only. By default a minute, which is two timed-out
    /// calls. Passing over a batch loses nothing, because the PartitionGrain reads gaps from the log itself; but as long as it takes nothing, there is nothing to pass over to either.
    /// </summary>
    public static readonly TimeSpan DeliveryTimeMax = TimeSpan.FromMinutes(10);

    /// <summary>
    /// A stream without events for so long is forgotten by its pulling agent, and made known again with its next event. By default half an hour. A queue of ours has one stream, so forgetting frees nothing; and
    /// a partition is idle for a night. Ten years, because there is no "never".
    /// </summary>
    public static readonly TimeSpan StreamInactivity = TimeSpan.FromDays(3_650);

    /// <summary>The first retry of a delivery that threw. By default 1 to 3 s, which would be the pause of a partition for every hiccup of the database.</summary>
    public static readonly TimeSpan DeliveryRetryDelayMin = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause between retries, reached with the sixth: a grain that fails for minutes is asked once in two seconds.</summary>
    public static readonly TimeSpan DeliveryRetryDelayMax = TimeSpan.FromSeconds(2);
}
