using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Providers.Streams.Common;
using Orleans.Streams;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Tests.Upstream;

/// <summary>A hub in memory as a persistent stream, built as the provider of Event Hubs is: a receiver and a cache for each partition, rewindable, beginning where the checkpointer says.</summary>
internal sealed class HubStreams(HubInMemory hub, IServiceProvider services, string name) : IQueueAdapterFactory, IQueueAdapter
{
    /// <summary>Messages in one cache: enough that a failing delivery has others behind it.</summary>
    private const int CacheMessages = 512;

    private readonly HashRingBasedPartitionedStreamQueueMapper _mapper = new(hub.Partitions, name);
    private readonly SimpleQueueAdapterCache _cache = new(new SimpleQueueCacheOptions { CacheSize = CacheMessages }, name, services.GetRequiredService<ILoggerFactory>());

    /// <summary>What a silo needs to read a hub; the gateway's part and the store in PostgreSQL are the caller's.</summary>
    public static void AddTo(ISiloBuilder silo, HubInMemory hub, Action<StreamPullingAgentOptions>? agents = null)
    {
        silo.Services.AddKeyedSingleton<IStreamQueueCheckpointerFactory>(UpstreamStream.Name, (services, _) => new UpstreamCheckpointerFactory(services.GetRequiredService<UpstreamPositions>(), hub.Name));
        silo.AddUpstream();
        silo.AddPersistentStreams(UpstreamStream.Name, (services, name) => new HubStreams(hub, services, name), streams => streams.DeliverUpstream());
        silo.Services.Configure<StreamPullingAgentOptions>(UpstreamStream.Name, options =>
        {
            options.GetQueueMsgsTimerPeriod = TimeSpan.FromMilliseconds(10);
            agents?.Invoke(options);
        });
    }

    public string Name => name;

    public bool IsRewindable => true;

    public StreamProviderDirection Direction => StreamProviderDirection.ReadOnly;

    public Task<IQueueAdapter> CreateAdapter() => Task.FromResult<IQueueAdapter>(this);

    public IQueueAdapterCache GetQueueAdapterCache() => _cache;

    public IStreamQueueMapper GetStreamQueueMapper() => _mapper;

    public Task<IStreamFailureHandler> GetDeliveryFailureHandler(QueueId queueId) => Task.FromResult<IStreamFailureHandler>(new NoOpStreamDeliveryFailureHandler());

    public IQueueAdapterReceiver CreateReceiver(QueueId queueId) =>
        new HubReceiver(hub, _mapper.QueueToPartition(queueId), services.GetRequiredKeyedService<IStreamQueueCheckpointerFactory>(name));

    public Task QueueMessageBatchAsync<T>(StreamId streamId, IEnumerable<T> events, StreamSequenceToken? token, Dictionary<string, object>? requestContext) =>
        throw new NotSupportedException("send to the hub itself");
}

/// <summary>Reads one partition.</summary>
internal sealed class HubReceiver(HubInMemory hub, string partition, IStreamQueueCheckpointerFactory checkpointers) : IQueueAdapterReceiver
{
    private int? _next;
    private long _previous = UpstreamEvents.Beginning;

    public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

    public Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount) => GetQueueMessagesAsync(maxCount, CancellationToken.None);

    public async Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount, CancellationToken cancellationToken)
    {
        _next ??= await BeginAsync(cancellationToken);
        List<HubInMemory.Message> read = hub.Read(partition, _next.Value, Math.Clamp(maxCount, 1, 10));
        _next += read.Count;
        return [.. read.Select(message =>
        {
            var item = new UpstreamEvents(message.Stream, message.Sequence, _previous, HubInMemory.OffsetOf(message.Sequence), message.Body);
            _previous = message.Sequence;
            return new HubContainer(UpstreamStream.IdOf(new UpstreamPartition(hub.Name, partition)), new EventSequenceTokenV2(item.Sequence), item);
        })];
    }

    public Task MessagesDeliveredAsync(IList<IBatchContainer> messages) => Task.CompletedTask;

    public Task Shutdown(TimeSpan timeout) => Task.CompletedTask;

    private async Task<int> BeginAsync(CancellationToken cancellationToken)
    {
        IStreamQueueCheckpointer<string> checkpointer = await checkpointers.Create(partition, cancellationToken);
        string offset = await checkpointer.Load(cancellationToken);
        return hub.Begin(partition, offset, checkpointer.CheckpointExists);
    }
}

[GenerateSerializer, Immutable]
internal sealed class HubContainer(StreamId streamId, EventSequenceTokenV2 token, UpstreamEvents item) : IBatchContainer
{
    [Id(0)]
    private readonly EventSequenceTokenV2 _token = token;

    [Id(1)]
    private readonly UpstreamEvents _item = item;

    [Id(2)]
    public StreamId StreamId { get; } = streamId;

    public StreamSequenceToken SequenceToken => _token;

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() => [Tuple.Create((T)(object)_item, SequenceToken)];

    public bool ImportRequestContext() => false;
}
