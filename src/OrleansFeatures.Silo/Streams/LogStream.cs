using System.Globalization;
using Orleans.Streams;
using OrleansFeatures.Log;

namespace OrleansFeatures.Silo.Streams;

/// <summary>How the log's partitions are named as streams, and as queues. One partition is one stream is one queue.</summary>
public static class LogStream
{
    /// <summary>The stream provider, and the namespace of its streams: what a grain names in its implicit subscription.</summary>
    public const string Name = "log";

    /// <summary>The partition's stream. Its key is the number, so a grain with an integer key that subscribes implicitly gets the stream of its own partition.</summary>
    public static StreamId IdOf(PartitionId partition) => StreamId.Create(Name, partition.Value);

    /// <summary>The partition's queue. Its hash is the number too: nothing of ours goes by it.</summary>
    public static QueueId QueueOf(PartitionId partition) => QueueId.GetQueueId(Name, (uint)partition.Value, (uint)partition.Value);

    public static PartitionId PartitionOf(QueueId queue) => new((int)queue.GetNumericId());

    public static PartitionId PartitionOf(StreamId stream) => new(int.Parse(stream.GetKeyAsString(), NumberStyles.None, CultureInfo.InvariantCulture));
}
