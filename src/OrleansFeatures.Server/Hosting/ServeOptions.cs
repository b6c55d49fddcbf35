using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Hosting;
using OrleansFeatures.Log;

namespace OrleansFeatures.Server.Hosting;

/// <summary>Where a server keeps its data and where it listens.</summary>
/// <param name="DataDirectory">Created when missing; owned by this process while it runs. Holds <c>log/</c>, <c>state/</c> and <c>metadata.db</c>.</param>
/// <param name="DefinitionsDirectory">A feature repository to make live at start; null keeps what is live.</param>
/// <param name="GrpcPort">On the loopback interface; 0 takes a free one.</param>
/// <param name="HttpPort">On the loopback interface; 0 takes a free one.</param>
public sealed record ServeOptions(string DataDirectory, string? DefinitionsDirectory, int GrpcPort, int HttpPort)
{
    /// <summary>Producers that may state when their events arrived; <c>*</c> is everyone. Default: nobody.</summary>
    public IReadOnlyCollection<string> BackfillProducers { get; init; } = [];

    /// <summary>Origins whose pages may use REST from a browser; <c>*</c> is every page. Default: none.</summary>
    public IReadOnlyCollection<string> CorsOrigins { get; init; } = [];

    /// <summary>What the state of all entities may take; beyond it the oldest events are summed up. Default: half of the memory that this process may use (the machine's, or its container's).</summary>
    public long MemoryBudgetBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>What the rows of one entity may take. Default <see cref="Entities.Limits.EntityBudgetBytesDefault"/>.</summary>
    public long EntityBudgetBytes { get; init; } = Entities.Limits.EntityBudgetBytesDefault;

    /// <summary>What clients may hold without saying anything.</summary>
    public ConnectionLimits Connections { get; init; } = ConnectionLimits.OfThisProcess();

    /// <summary>How much may be under way at once.</summary>
    public AdmissionLimits Admission { get; init; } = new();

    /// <summary>Time between checkpoints while events come. Default <see cref="Entities.Limits.CheckpointIntervalDefault"/>.</summary>
    public TimeSpan CheckpointInterval { get; init; } = Entities.Limits.CheckpointIntervalDefault;

    /// <summary>Bytes of log after which a checkpoint is taken before its time. Default <see cref="Entities.Limits.CheckpointLogBytesDefault"/>.</summary>
    public long CheckpointLogBytes { get; init; } = Entities.Limits.CheckpointLogBytesDefault;

    /// <summary>Entities that nobody wants for so long leave memory. Default <see cref="Entities.Limits.EntityIdleAfterDefault"/>.</summary>
    public TimeSpan EntityIdleAfter { get; init; } = Entities.Limits.EntityIdleAfterDefault;

    /// <summary>How long raw history is kept; null, the default: for ever.</summary>
    public TimeSpan? RawHistory { get; init; }

    /// <summary>How far behind stream time ids of events are remembered at least. Default <see cref="Entities.Limits.DedupeHorizonDefault"/>.</summary>
    public TimeSpan DedupeHorizon { get; init; } = Entities.Limits.DedupeHorizonDefault;

    /// <summary>How long answers that were given under a prediction id are watched. Default <see cref="Gateway.Limits.PredictionHistoryDefault"/>.</summary>
    public TimeSpan PredictionHistory { get; init; } = Gateway.Limits.PredictionHistoryDefault;

    /// <summary>Opens a store with damaged files, and gives up what is damaged. Default: refuses.</summary>
    public bool SkipDamage { get; init; }

    /// <summary>The disk that the log and the state lie on; tests give one that fails.</summary>
    internal ILogDevice Device { get; init; } = new FileLogDevice();

    /// <summary>Tests have less patience than <see cref="Limits.DrainMax"/>.</summary>
    internal TimeSpan DrainMax { get; init; } = Limits.DrainMax;

    /// <summary>Tests have less patience than <see cref="Limits.CloseMax"/>.</summary>
    internal TimeSpan CloseMax { get; init; } = Limits.CloseMax;
}

/// <summary>The server cannot start as asked; the message says why and what to do. Nothing was changed.</summary>
public sealed class ServerStartException(string message) : Exception(message);

/// <summary>
/// The store could not be closed in time: something that was under way, most likely a write to the disk, has not come back. Whatever was acknowledged is on disk; what was under way has not been
/// acknowledged.
/// </summary>
public sealed class ServerStopException(TimeSpan waited, string dataDirectory)
    : Exception($"{dataDirectory}: the store could not be closed within {waited.TotalSeconds:0} s; most likely a write to the disk has not come back. Everything acknowledged is on disk, nothing else was acknowledged; look at the disk, then start the store again");
