using Orleans.Streams;
using OrleansFeatures.Postgres.Upstream;

namespace OrleansFeatures.Silo.Upstream;

/// <summary>How partitions of a hub upstream are named as streams.</summary>
public static class UpstreamStream
{
    /// <summary>The stream provider, and the namespace of its streams: what the grain that takes them in names in its implicit subscription.</summary>
    public const string Name = "upstream";

    /// <summary>The partition's stream. Its key, <c>hub/partition</c>, is that of the partition's grain.</summary>
    public static StreamId IdOf(UpstreamPartition partition) => StreamId.Create(Name, partition.ToString());

    /// <summary>The partition as a source of stream time: the producer of events that name no other.</summary>
    public static string ProducerOf(UpstreamPartition partition) => $"{Name}/{partition}";
}
