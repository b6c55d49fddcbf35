using System.Buffers.Binary;
using System.Collections.Concurrent;
using Azure.Messaging.EventHubs;
using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streaming.EventHubs;
using Orleans.Streams;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Cloud;

// A message in the provider's cache, behind what the cache itself knows of it (stream, sequence number, times):
//
//     offset (text) │ stream of events (text) │ previous (8 bytes) │ body
//
/// <summary>
/// Maps messages of an event hub to streams and items: the partition is the stream, the message is the item. One for the silo, all partitions; each partition is read by one agent at a time.
/// </summary>
internal sealed class HubDataAdapter(EventHubSource source) : IEventHubDataAdapter
{
    /// <summary>The message's property that names its stream of events.</summary>
    private const string StreamProperty = "stream";

    /// <summary>The last message that was put into the cache, by partition: what links messages to a chain.</summary>
    private readonly ConcurrentDictionary<StreamId, long> _read = new();

    public StreamPosition GetStreamPosition(string partition, EventData queueMessage) =>
        new(UpstreamStream.IdOf(new UpstreamPartition(source.Hub, partition)), new EventHubSequenceTokenV2(queueMessage.OffsetString, queueMessage.SequenceNumber, 0));

    public CachedMessage FromQueueMessage(StreamPosition position, EventData queueMessage, DateTime dequeueTime, Func<int, ArraySegment<byte>> getSegment)
    {
        var cached = new CachedMessage
        {
            StreamId = position.StreamId,
            SequenceNumber = queueMessage.SequenceNumber,
            EventIndex = position.SequenceToken.EventIndex,
            EnqueueTimeUtc = queueMessage.EnqueuedTime.UtcDateTime,
            DequeueTimeUtc = dequeueTime,
            Segment = Encode(queueMessage, PreviousOf(position.StreamId, queueMessage.SequenceNumber), getSegment),
        };
        _read[position.StreamId] = queueMessage.SequenceNumber;
        return cached;
    }

    public IBatchContainer GetBatchContainer(ref CachedMessage cachedMessage)
    {
        int at = 0;
        string offset = SegmentBuilder.ReadNextString(cachedMessage.Segment, ref at) ?? "";
        string stream = SegmentBuilder.ReadNextString(cachedMessage.Segment, ref at) ?? "";
        long previous = BinaryPrimitives.ReadInt64LittleEndian(SegmentBuilder.ReadNextBytes(cachedMessage.Segment, ref at));

        // A copy, because the cache uses its memory again.
        byte[] body = SegmentBuilder.ReadNextBytes(cachedMessage.Segment, ref at).ToArray();
        return new HubMessage(
            cachedMessage.StreamId,
            new EventHubSequenceTokenV2(offset, cachedMessage.SequenceNumber, 0),
            new UpstreamEvents(stream, cachedMessage.SequenceNumber, previous, offset, body));
    }

    public StreamSequenceToken GetSequenceToken(ref CachedMessage cachedMessage) => new EventHubSequenceTokenV2("", cachedMessage.SequenceNumber, 0);

    public string GetOffset(CachedMessage cachedMessage)
    {
        int at = 0;
        return SegmentBuilder.ReadNextString(cachedMessage.Segment, ref at) ?? "";
    }

    public StreamId GetStreamIdentity(EventData queueMessage) => throw new NotSupportedException("a message does not say which partition it is of, and the partition is the stream");

    public string GetPartitionKey(StreamId streamId) => throw new NotSupportedException(ReadOnly);

    public EventData ToQueueMessage<T>(StreamId streamId, IEnumerable<T> events, StreamSequenceToken? token, Dictionary<string, object>? requestContext) => throw new NotSupportedException(ReadOnly);

    private const string ReadOnly = "the upstream is read and never written: send to the event hub itself";

    /// <summary>A receiver that begins again reads what was read before. What it reads first has no predecessor.</summary>
    private long PreviousOf(StreamId partition, long sequence) => _read.TryGetValue(partition, out long read) && read < sequence ? read : UpstreamEvents.Beginning;

    private ArraySegment<byte> Encode(EventData message, long previous, Func<int, ArraySegment<byte>> getSegment)
    {
        string stream = message.Properties.TryGetValue(StreamProperty, out object? named) && named is string name ? name : source.Stream;
        Span<byte> link = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(link, previous);
        ReadOnlySpan<byte> body = message.Body.Span;
        ArraySegment<byte> segment = getSegment(
            SegmentBuilder.CalculateAppendSize(message.OffsetString) + SegmentBuilder.CalculateAppendSize(stream) + SegmentBuilder.CalculateAppendSize(link) + SegmentBuilder.CalculateAppendSize(body));
        int at = 0;
        SegmentBuilder.Append(segment, ref at, message.OffsetString);
        SegmentBuilder.Append(segment, ref at, stream);
        SegmentBuilder.Append(segment, ref at, link);
        SegmentBuilder.Append(segment, ref at, body);
        return segment;
    }
}

/// <summary>One message, on its way to its partition's grain.</summary>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.HubMessage")]
internal sealed class HubMessage(StreamId streamId, EventHubSequenceTokenV2 token, UpstreamEvents item) : IBatchContainer
{
    /// <summary>Of Event Hubs' own kind, because the provider's cache looks into it.</summary>
    [Id(0)]
    private readonly EventHubSequenceTokenV2 _token = token;

    [Id(1)]
    private readonly UpstreamEvents _item = item;

    [Id(2)]
    public StreamId StreamId { get; } = streamId;

    public StreamSequenceToken SequenceToken => _token;

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() => [Tuple.Create((T)(object)_item, SequenceToken)];

    public bool ImportRequestContext() => false;
}
