using Orleans.Streams;
using OrleansFeatures.Postgres.Upstream;

namespace OrleansFeatures.Silo.Upstream;

/// <summary>Tells a stream provider's receivers where to begin reading a hub's partitions.</summary>
public sealed class UpstreamCheckpointerFactory(UpstreamPositions positions, string hub) : IStreamQueueCheckpointerFactory
{
    public Task<IStreamQueueCheckpointer<string>> Create(string partition) => Create(partition, CancellationToken.None);

    public Task<IStreamQueueCheckpointer<string>> Create(string partition, CancellationToken cancellationToken) =>
        Task.FromResult<IStreamQueueCheckpointer<string>>(new UpstreamCheckpointer(positions, new UpstreamPartition(hub, partition)));
}

/// <summary>
/// Answers where a receiver begins: at the offset of the last message that is durable here. It takes no updates from the provider. Those say what has left a cache, or was delivered; only the grain knows what is durable, and
/// it keeps the position itself.
/// </summary>
/// <remarks>Providers read from the offset on, so the last message comes again, and is passed over.</remarks>
internal sealed class UpstreamCheckpointer(UpstreamPositions positions, UpstreamPartition partition) : IStreamQueueCheckpointer<string>
{
    /// <summary>Event Hubs' own word for the start of a partition.</summary>
    private const string StartOfPartition = "-1";

    /// <summary>Whether the last <see cref="Load(CancellationToken)"/> found a position.</summary>
    public bool CheckpointExists { get; private set; }

    public Task<string> Load() => Load(CancellationToken.None);

    public async Task<string> Load(CancellationToken cancellationToken)
    {
        UpstreamPosition? kept = await positions.FindAsync(partition, cancellationToken);
        CheckpointExists = kept is not null;
        return kept?.Offset ?? StartOfPartition;
    }

    public void Update(string offset, DateTime utcNow)
    {
    }

    public void Update(string offset, DateTime utcNow, CancellationToken cancellationToken)
    {
    }
}
