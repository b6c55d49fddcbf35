using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Orleans.Streams;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Silo.Streams;

/// <summary>
/// The log as Orleans's streams read it: one queue for each partition, read only. Not rewindable, because the one who reads owns its position and asks the log for what it lacks.
/// </summary>
internal sealed class LogQueueAdapter(IPartitionTails tails, LogDeliveries deliveries, TimeProvider time, ILogger<LogQueueAdapter> logger) : IQueueAdapter, IQueueAdapterCache
{
    /// <summary>The cache that an agent has just been given, until it asks for the receiver that fills it.</summary>
    private readonly ConcurrentDictionary<QueueId, LogQueueCache> _caches = new();

    public string Name => LogStream.Name;

    public bool IsRewindable => false;

    public StreamProviderDirection Direction => StreamProviderDirection.ReadOnly;

    public IQueueCache CreateQueueCache(QueueId queueId)
    {
        var cache = new LogQueueCache(deliveries);
        _caches[queueId] = cache;
        return cache;
    }

    public IQueueAdapterReceiver CreateReceiver(QueueId queueId) =>
        _caches.TryRemove(queueId, out LogQueueCache? cache)
            ? new LogQueueReceiver(LogStream.PartitionOf(queueId), tails, cache, time, logger)
            : throw new InvalidOperationException($"queue {queueId} has a receiver already: an agent asks for its cache first, and for one receiver then");

    public Task QueueMessageBatchAsync<T>(StreamId streamId, IEnumerable<T> events, StreamSequenceToken? token, Dictionary<string, object>? requestContext) =>
        throw new NotSupportedException($"nothing can be written to stream {streamId}: the streams of '{Name}' show what the log holds; push events through IngestService, which appends them");
}
