using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Runtime.Services;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Remote;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Grains;

namespace OrleansFeatures.Silo.Reads;

/// <summary>This silo's side of <see cref="ISiloReads"/>. Work is done on the thread pool: a service has one thread at a time, and a silo has cores.</summary>
[Reentrant]
internal sealed class SiloReads(GrainId id, Orleans.Runtime.Silo silo, ILoggerFactory loggers, PartitionHomes homes, LocalReads reads, LocalPresence presence, LocalPositions positions, IClusterDefinitions definitions, TimeProvider time)
    : GrainService(id, silo, loggers), ISiloReads
{
    public async ValueTask<byte[]> ReadAsync(byte[] questions) => await Task.Run(async () =>
    {
        long generation = EntityQuestions.GenerationOf(questions);
        ClusterDefinitions live = definitions.Current;
        if (live.Generation < generation)
        {
            live = await definitions.RefreshAsync(CancellationToken.None);
        }

        if (live.Generation != generation)
        {
            return EntityAnswers.Write([EntityAnswer.Not(live.Generation < generation ? AnswerKind.NotHere : AnswerKind.OtherDefinitions, $"this silo has generation {live.Generation} of the definitions, and generation {generation} was asked for")]);
        }

        EntityQuestions asked = EntityQuestions.Read(questions, live.Selections);
        using var over = new CancellationTokenSource(asked.Within ?? Limits.ReadPatience, time);
        return EntityAnswers.Write(await reads.AnswerAsync(generation, asked.Selection, asked.Questions, over.Token));
    });

    public async ValueTask<long?> WaitAppliedAsync(int partition, long offset)
    {
        if (homes.Find(new PartitionId(partition)) is not { } home)
        {
            return null;
        }

        using var patience = new CancellationTokenSource(Limits.AppliedWaitMax, time);
        try
        {
            await home.Ownership.ReachedAsync(new LogOffset(offset), patience.Token);
        }
        catch (OperationCanceledException)
        {
            // As far as it has come; who asked may ask again.
        }

        return home.Ownership.IsOver ? null : home.Ownership.Applied.Value;
    }

    public async ValueTask<bool?[]> PresenceAsync(PresenceRequest[] questions) => await Task.Run(() => presence.AnswerAsync(questions, CancellationToken.None));

    public async ValueTask<MemoryReply> MemoryAsync(long generation, uint entityType, byte[] key) => await Task.Run(() => presence.MemoryAsync(generation, new EntityName(entityType, key), CancellationToken.None));

    public async ValueTask RefreshDefinitionsAsync() => await definitions.RefreshAsync(CancellationToken.None);

    public ValueTask<PartitionPosition[]> PositionsAsync() => ValueTask.FromResult(positions.Now());
}

/// <summary>Calls silos by their addresses.</summary>
internal sealed class SiloReadsClient(IServiceProvider services) : GrainServiceClient<ISiloReads>(services)
{
    public ISiloReads Of(SiloAddress silo) => GetGrainService(silo);
}
