using Orleans.CodeGeneration;
using Orleans.Concurrency;
using Orleans.Services;
using OrleansFeatures.Silo.Grains;

namespace OrleansFeatures.Silo.Reads;

/// <summary>
/// What silos ask each other about the entities of the partitions that they own: one call for everything that a request wants of a silo. Answers come from the partitions' homes, without grain calls for entities that are in memory.
/// Requests and answers of reads are bytes of our own making (<see cref="Entities.Remote.EntityQuestions"/>), so that they mean the same in silos of two versions.
/// </summary>
[Version(Versions.InterfaceVersion)]
[Alias("OrleansFeatures.ISiloReads")]
internal interface ISiloReads : IGrainService
{
    /// <param name="questions">As <see cref="Entities.Remote.EntityQuestions.Write"/> wrote them.</param>
    /// <returns>As <see cref="Entities.Remote.EntityAnswers.Write"/> writes them.</returns>
    [Alias("Read"), ResponseTimeout("00:00:10")]
    ValueTask<byte[]> ReadAsync([Immutable] byte[] questions);

    /// <summary>Waits for a while until a partition has applied an offset. How far it has come; null where it is not owned here.</summary>
    [Alias("Applied"), ResponseTimeout("00:00:05")]
    ValueTask<long?> WaitAppliedAsync(int partition, long offset);

    /// <summary>Whether each entity can give an event back; null where its partition is not owned here.</summary>
    [Alias("Presence"), ResponseTimeout("00:00:05")]
    ValueTask<bool?[]> PresenceAsync([Immutable] PresenceRequest[] questions);

    /// <summary>What one entity takes.</summary>
    [Alias("Memory"), ResponseTimeout("00:00:05")]
    ValueTask<MemoryReply> MemoryAsync(long generation, uint entityType, byte[] key);

    /// <summary>How far the partitions that are owned here have come.</summary>
    [Alias("Positions"), ResponseTimeout("00:00:05")]
    ValueTask<PartitionPosition[]> PositionsAsync();

    /// <summary>Other definitions may be live: look now, and not in time.</summary>
    [Alias("Refresh"), ResponseTimeout("00:00:05")]
    ValueTask RefreshDefinitionsAsync();
}

/// <summary>How far one partition has come, and what lives in it.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="Epoch">Of its owner: of two positions the one of the higher epoch counts.</param>
/// <param name="Generation">Of the definitions that its states are of.</param>
/// <param name="Applied">The newest record applied.</param>
/// <param name="IsCaughtUp">Whether it answers reads.</param>
/// <param name="Entities">In memory or only saved.</param>
/// <param name="Awake">In memory.</param>
/// <param name="Events">Of those in memory.</param>
/// <param name="Memory">What they take: rows, texts, summaries, free, overhead, compactions, broken promises.</param>
/// <param name="Saved">Of its checkpoints.</param>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.PartitionPosition")]
internal sealed record PartitionPosition(
    [property: Id(0)] int Partition,
    [property: Id(1)] long Epoch,
    [property: Id(2)] long Generation,
    [property: Id(3)] long Applied,
    [property: Id(4)] bool IsCaughtUp,
    [property: Id(5)] long Entities,
    [property: Id(6)] long Awake,
    [property: Id(7)] long Events,
    [property: Id(8)] long[] Memory,
    [property: Id(9)] CheckpointReport Saved);

/// <summary>An event that is to be corrected, asked of an entity that has it.</summary>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.PresenceRequest")]
internal readonly record struct PresenceRequest([property: Id(0)] uint EntityType, [property: Id(1)] byte[] Key, [property: Id(2)] uint Stream, [property: Id(3)] long TimeMicros);

/// <summary>What an entity takes: <paramref name="Parts"/> in the order of <see cref="Domain.State.EntityMemory"/>, null where no event of it has come.</summary>
/// <param name="Kind">As of an answer to a read.</param>
/// <param name="Parts">Seven numbers.</param>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.MemoryReply")]
internal sealed record MemoryReply([property: Id(0)] byte Kind, [property: Id(1)] long[]? Parts);
