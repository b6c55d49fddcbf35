using Orleans.Streams;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Silo.Streams;

/// <summary>What the stream provider "log" is made of: the adapter, its queues, and who hears of failures.</summary>
internal sealed class LogQueueAdapterFactory(LogQueueAdapter adapter, LogQueueMapper mapper, LogDeliveries deliveries) : IQueueAdapterFactory
{
    public Task<IQueueAdapter> CreateAdapter() => Task.FromResult<IQueueAdapter>(adapter);

    public IQueueAdapterCache GetQueueAdapterCache() => adapter;

    public IStreamQueueMapper GetStreamQueueMapper() => mapper;

    public Task<IStreamFailureHandler> GetDeliveryFailureHandler(QueueId queueId) => Task.FromResult<IStreamFailureHandler>(deliveries);
}

/// <summary>Queues and streams of the log: the partition's number is both.</summary>
internal sealed class LogQueueMapper(PartitionMap map) : IStreamQueueMapper
{
    private readonly QueueId[] _queues = [.. Enumerable.Range(0, map.Count).Select(partition => LogStream.QueueOf(new PartitionId(partition)))];

    public IEnumerable<QueueId> GetAllQueues() => _queues;

    public QueueId GetQueueForStream(StreamId streamId) => _queues[LogStream.PartitionOf(streamId).Value];
}
