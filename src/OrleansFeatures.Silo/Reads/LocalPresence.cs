using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Remote;
using OrleansFeatures.Silo.Grains;

namespace OrleansFeatures.Silo.Reads;

/// <summary>What entities of this silo's partitions say of themselves, beside their features: whether they can give an event back, and what memory they take.</summary>
internal sealed class LocalPresence(LocalReads reads)
{
    /// <summary>Null for an entity that is not this silo's, or cannot be had.</summary>
    public async Task<bool?[]> AnswerAsync(IReadOnlyList<PresenceRequest> questions, CancellationToken cancellationToken)
    {
        var answers = new bool?[questions.Count];
        await Task.WhenAll(Enumerable.Range(0, answers.Length).Select(async index => answers[index] = await AnswerAsync(questions[index], cancellationToken)));
        return answers;
    }

    public async Task<MemoryReply> MemoryAsync(long generation, EntityName name, CancellationToken cancellationToken)
    {
        if (await HomeWithAsync(name, cancellationToken) is not { } home)
        {
            return new MemoryReply((byte)AnswerKind.NotHere, null);
        }

        if (home.Definitions.Generation != generation)
        {
            return new MemoryReply((byte)AnswerKind.OtherDefinitions, null);
        }

        using Lock.Scope turn = home.Enter();
        return new MemoryReply((byte)AnswerKind.Values, home.FindComplete_NeedsLock(name.Span)?.Actor is { } actor ? MemoryParts.Of(actor.Memory()) : null);
    }

    private async Task<bool?> AnswerAsync(PresenceRequest question, CancellationToken cancellationToken)
    {
        var name = new EntityName(question.EntityType, question.Key);
        if (await HomeWithAsync(name, cancellationToken) is not { } home)
        {
            return null;
        }

        using Lock.Scope turn = home.Enter();
        return home.FindComplete_NeedsLock(name.Span)?.Actor is not { } actor
            || !home.Context.TryFeed(question.Stream, question.EntityType, out PartitionFeed? feed)
            || actor.PresenceOf(feed.Timeline, new EventTime(question.TimeMicros)) != Presence.Summed;
    }

    /// <summary>The entity's home, with the entity in memory unless it has never been seen.</summary>
    private async Task<PartitionHome?> HomeWithAsync(EntityName name, CancellationToken cancellationToken)
    {
        if (reads.HomeOf(name.Type, name.Key) is not { } home)
        {
            return null;
        }

        // Of a type that the definitions do not have there is nothing to be had.
        return home.Definitions.Catalog.Entity(name.Type) is not { } plan || await reads.WakeAsync(home, plan, name, cancellationToken) ? home : null;
    }
}

/// <summary><see cref="EntityMemory"/> as numbers.</summary>
internal static class MemoryParts
{
    public static long[] Of(EntityMemory memory) => [memory.Events, memory.SummedEvents, memory.RowBytes, memory.TextBytes, memory.SummaryBytes, memory.DirectoryBytes, memory.FloorMicros];

    public static EntityMemory ToMemory(long[] parts) => new(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6]);

    public static long[] Of(PartitionMemory memory) => [memory.RowBytes, memory.TextBytes, memory.SummaryBytes, memory.FreeBytes, memory.OverheadBytes, memory.Compactions, memory.BrokenPromises];

    public static PartitionMemory ToPartition(long[] parts) => new(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6]);
}
