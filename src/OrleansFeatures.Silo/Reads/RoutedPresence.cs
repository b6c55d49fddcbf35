using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Remote;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Reads;

/// <summary>Asks entities about themselves, wherever they live: whether they can give events back (inside an append: for as long as the token allows), and what memory they take.</summary>
internal sealed class RoutedPresence(PartitionMap map, PartitionPlans plans, LocalPresence local, SiloReadsClient silos, ILocalSiloDetails silo, TimeProvider time)
{
    /// <exception cref="LogUnavailableException">Not all of them could be asked in time. Nothing is appended then.</exception>
    public async Task<IReadOnlyList<bool>> AskAsync(IReadOnlyList<PresenceQuestion> questions, CancellationToken cancellationToken)
    {
        var answers = new bool?[questions.Count];
        try
        {
            for (int[] open = [.. Enumerable.Range(0, answers.Length)]; open.Length > 0; open = [.. open.Where(index => answers[index] is null)])
            {
                PartitionPlan plan = plans.Current;
                await Task.WhenAll(open.GroupBy(index => plan.SiloOf(map.Of(questions[index].EntityType, questions[index].Key.Span)))
                    .Select(group => AskAsync(group.Key, [.. group], questions, answers, cancellationToken)));
                if (answers.Contains(null))
                {
                    await Task.Delay(Limits.RetryPauseMin, time, cancellationToken);
                }
            }
        }
        catch (OperationCanceledException late)
        {
            throw new LogUnavailableException("the entities that the corrections of this batch concern could not be asked in time whether they can give the events back; push it again in a moment", late);
        }

        return [.. answers.Select(answer => answer!.Value)];
    }

    /// <exception cref="PartitionUnavailableException">The entity's partition has no owner that answers.</exception>
    /// <exception cref="DefinitionsChangedException">The definitions have changed.</exception>
    public async Task<EntityMemory?> MemoryAsync(EntityPlan entity, ReadOnlyMemory<byte> key, long generation, CancellationToken cancellationToken)
    {
        PartitionId partition = map.Of(entity, key.Span);
        for (long begun = time.GetTimestamp(); time.GetElapsedTime(begun) < Limits.ReadPatience; await Task.Delay(Limits.KeepEagerly, time, cancellationToken))
        {
            MemoryReply reply = await MemoryAsync(plans.SiloOf(partition), generation, new Grains.EntityName(entity.Id, key.ToArray()), cancellationToken);
            switch ((AnswerKind)reply.Kind)
            {
                case AnswerKind.Values:
                    return reply.Parts is { } parts ? MemoryParts.ToMemory(parts) : null;
                case AnswerKind.OtherDefinitions:
                    throw new DefinitionsChangedException();
            }
        }

        throw new PartitionUnavailableException(partition, "it has no owner that answers");
    }

    private async Task<MemoryReply> MemoryAsync(SiloAddress? owner, long generation, Grains.EntityName name, CancellationToken cancellationToken)
    {
        try
        {
            return owner is null ? new MemoryReply((byte)AnswerKind.NotHere, null)
                : owner.Equals(silo.SiloAddress) ? await local.MemoryAsync(generation, name, cancellationToken)
                : await silos.Of(owner).MemoryAsync(generation, name.Type, name.Key).AsTask().WaitAsync(Limits.SiloCallMax, time, cancellationToken);
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException)
        {
            return new MemoryReply((byte)AnswerKind.NotHere, null);
        }
    }

    private async Task AskAsync(SiloAddress? owner, int[] asked, IReadOnlyList<PresenceQuestion> questions, bool?[] answers, CancellationToken cancellationToken)
    {
        if (owner is null)
        {
            return;
        }

        PresenceRequest[] requests = [.. asked.Select(index => questions[index]).Select(question => new PresenceRequest(question.EntityType, question.Key.ToArray(), question.Stream, question.Time.Micros))];
        try
        {
            bool?[] given = owner.Equals(silo.SiloAddress) ? await local.AnswerAsync(requests, cancellationToken) : await silos.Of(owner).PresenceAsync(requests).AsTask().WaitAsync(Limits.SiloCallMax, time, cancellationToken);
            for (int index = 0; index < asked.Length; index++)
            {
                answers[asked[index]] = given[index];
            }
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException)
        {
            // It has gone, or hangs: whoever the plan names next is asked.
        }
    }
}
