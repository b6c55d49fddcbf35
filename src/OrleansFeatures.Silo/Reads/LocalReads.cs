using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Entities.Remote;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using OrleansFeatures.Silo.Grains;

namespace OrleansFeatures.Silo.Reads;

/// <summary>
/// Answers for the entities of this silo's own partitions.
/// <code>
///   no home ............ waits a moment for one, then: not here
///   not confirmed ...... not here: whoever owns it may be another by now
///   not caught up ...... waits a moment: else somebody could see less than the owner before had shown
///   in memory .......... read inside the gate, at one state version
///   not in memory ...... no row: never seen.  a row: its grain is woken, and it is read then
/// </code>
/// Any thread.
/// </summary>
internal sealed class LocalReads(PartitionHomes homes, PartitionMap map, EntityStates states, IGrainFactory grains, TimeProvider time, SiloMetrics metrics)
{
    /// <summary>Of a question that nobody has got round to there is nothing to say.</summary>
    private static readonly EntityAnswer OutOfTime = EntityAnswer.Not(AnswerKind.NotHere, "");

    /// <summary>
    /// Answers what it can at once, in one go; the rest, that has to wait for something, one beside the other. What is not answered when <paramref name="over"/> fires is not here (<see cref="AnswerKind.NotHere"/>): whoever asked has
    /// given up then, or takes what there is.
    /// </summary>
    public async ValueTask<EntityAnswer[]> AnswerAsync(long generation, Selection selection, IReadOnlyList<EntityQuestion> questions, CancellationToken over)
    {
        metrics.ReadLocal(questions.Count);
        var answers = new EntityAnswer[questions.Count];
        var waiting = new List<Task>();
        for (int index = 0; index < answers.Length; index++)
        {
            if (over.IsCancellationRequested)
            {
                answers[index] = OutOfTime;
            }
            else if (TryAnswer(generation, selection, questions[index], out answers[index]) is false)
            {
                waiting.Add(WaitAsync(index));
            }
        }

        await Task.WhenAll(waiting);
        return answers;

        async Task WaitAsync(int index) => answers[index] = await AnswerSlowlyAsync(generation, selection, questions[index], over);
    }

    /// <summary>The home of an entity, if it may answer for it.</summary>
    public PartitionHome? HomeOf(uint entityType, ReadOnlySpan<byte> key) =>
        homes.Find(map.Of(entityType, key)) is { Ownership: { IsConfirmed: true, IsCaughtUp: true } } home ? home : null;

    /// <summary>
    /// Brings an entity into memory if it has ever been seen. Whether it is there then, or has never been seen; false where it could not be had in time.
    /// </summary>
    public async Task<bool> WakeAsync(PartitionHome home, EntityPlan plan, EntityName name, CancellationToken cancellationToken)
    {
        bool isChanged;
        using (home.Enter())
        {
            if (home.FindComplete_NeedsLock(name.Span) is not null)
            {
                return true;
            }

            isChanged = home.Dirty_NeedsLock.LastOffsetOf(name.Span) >= 0;
        }

        // Whoever is neither in memory nor on the list of what has changed has all its records in its row, or none. Asking for the row first spares a grain for every key that somebody makes up.
        if (!isChanged && await states.LoadAsync(home.Ownership.Claim.Generation, home.Partition, name.Type, name.Key, cancellationToken) is null)
        {
            return !home.Ownership.IsOver;
        }

        IEntityGrain grain = grains.EntityOf(plan, name);
        for (int wakes = 0; wakes < Limits.WakesMax; wakes++)
        {
            if (await grain.WakeAsync(home.Ownership.Claim.Epoch).WaitAsync(Limits.SiloCallMax, time, cancellationToken) == EntityReply.Done)
            {
                return true;
            }

            await Task.Delay(Limits.RetryPauseMin, time, cancellationToken);
        }

        return false;
    }

    /// <summary>False where the question has to wait for something.</summary>
    private bool TryAnswer(long generation, Selection selection, EntityQuestion question, out EntityAnswer answer)
    {
        EntityRead entity = selection.Entities[question.Entity];
        answer = default;
        if (HomeOf(entity.Entity.Id, question.Key.Span) is not { } home || home.Definitions.Generation != generation)
        {
            return false;
        }

        using Lock.Scope turn = home.Enter();
        if (home.Ownership.IsOver || home.FindComplete_NeedsLock(new EntitySpan(entity.Entity.Id, question.Key.Span)) is not { } resident)
        {
            return false;
        }

        answer = Read_NeedsLock(home, resident, entity, question);
        if (time.GetElapsedTime(resident.TouchedAt) > Limits.TouchEvery)
        {
            resident.TouchedAt = time.GetTimestamp();
            grains.EntityOf(entity.Entity, resident.Name).WakeAsync(home.Ownership.Claim.Epoch).Ignore();
        }

        return true;
    }

    private static EntityAnswer Read_NeedsLock(PartitionHome home, Resident? resident, EntityRead entity, EntityQuestion question)
    {
        var values = new FeatureValue[entity.Plan.FeatureCount];
        try
        {
            return EntityAnswer.Of(home.Read_NeedsLock(resident, entity, question.AsOf, question.KnownAt, values), values);
        }
        catch (InvariantException faulted)
        {
            return EntityAnswer.Not(AnswerKind.Faulted, faulted.Message);
        }
    }

    private async Task<EntityAnswer> AnswerSlowlyAsync(long generation, Selection selection, EntityQuestion question, CancellationToken over)
    {
        EntityRead entity = selection.Entities[question.Entity];
        using var timer = new CancellationTokenSource(Limits.OwnerWaitMax, time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(over, timer.Token);
        try
        {
            if (await homes.WaitAsync(map.Of(entity.Entity.Id, question.Key.Span), generation, patience.Token) is not { } home)
            {
                return EntityAnswer.Not(AnswerKind.NotHere, "this silo does not own it, or builds its states for newer definitions");
            }

            if (home.Definitions.Generation != generation)
            {
                return EntityAnswer.Not(AnswerKind.OtherDefinitions, $"its states are of generation {home.Definitions.Generation} of the definitions, and generation {generation} was asked for");
            }

            await home.Ownership.CaughtUpAsync(patience.Token);
            return !home.Ownership.IsConfirmed
                ? EntityAnswer.Not(AnswerKind.NotHere, "its owner could not confirm itself in PostgreSQL")
                : await AnswerAsync(home, entity, question, patience.Token);
        }
        catch (OperationCanceledException)
        {
            return EntityAnswer.Not(AnswerKind.NotHere, "its owner has not caught up with the log yet, or could not bring the entity into memory in time");
        }
        catch (Exception failure) when (failure is StatesException or LogException or TimeoutException or OrleansException)
        {
            return EntityAnswer.Not(AnswerKind.Unavailable, $"the entity could not be brought into memory ({failure.Message})");
        }
    }

    private async Task<EntityAnswer> AnswerAsync(PartitionHome home, EntityRead entity, EntityQuestion question, CancellationToken cancellationToken)
    {
        var name = new EntityName(entity.Entity.Id, question.Key.ToArray());
        bool isHad = await WakeAsync(home, entity.Entity, name, cancellationToken);
        using Lock.Scope turn = home.Enter();
        Resident? resident = home.FindComplete_NeedsLock(name.Span);
        if (!isHad || home.Ownership.IsOver || (resident is null && home.Dirty_NeedsLock.LastOffsetOf(name.Span) >= 0))
        {
            return EntityAnswer.Not(AnswerKind.NotHere, "the entity is activated in another silo and has to leave there first");
        }

        return Read_NeedsLock(home, resident, entity, question);
    }
}
