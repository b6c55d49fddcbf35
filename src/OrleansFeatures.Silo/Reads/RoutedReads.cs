using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Entities.Remote;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Reads;

/// <summary>
/// Reads of any entities, wherever they live: one call to each silo concerned, all at the same time; what is this silo's own does not leave the process. What a silo does not answer (it has gone, the plan has moved, its partition is being
/// taken over) is asked again, of whoever the plan names then, until <see cref="Limits.ReadPatience"/> is over, or the time of a partial read, which then gives up the rows concerned.
/// </summary>
internal sealed class RoutedReads(PartitionMap map, PartitionPlans plans, LocalReads local, SiloReadsClient silos, ILocalSiloDetails silo, TimeProvider time, SiloMetrics metrics)
{
    /// <exception cref="DefinitionsChangedException">Some entity goes by other definitions than the read.</exception>
    /// <exception cref="PartitionUnavailableException">Some partition had no owner that answered, within the patience.</exception>
    /// <exception cref="InvariantException">Some entity has met a bug of ours.</exception>
    public async Task FillAsync(FeatureRead read, long generation, CancellationToken cancellationToken)
    {
        await RouteAsync(read, generation, cancellationToken);
        for (int row = 0; read.Partial is { } partial && row < read.Rows; row++)
        {
            if (partial.IsGivenUp(row))
            {
                // Once more, now that nobody is at it: one silo may have answered for the row just when another had said that it cannot.
                read.GiveUp(row, partial.Outcomes[row]);
            }
        }
    }

    private async Task RouteAsync(FeatureRead read, long generation, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, read.Partial?.Over ?? CancellationToken.None);
        long moved = time.GetTimestamp();
        List<Cell> open = CellsOf(read);
        var call = new Call(read, generation, Limits.SiloCallMax, over.Token);
        for (TimeSpan pause = Limits.RetryPauseMin; ; pause = pause * 2 < Limits.RetryPauseMax ? pause * 2 : Limits.RetryPauseMax)
        {
            int before = open.Count;
            open = IsOver(read) ? open : await OnceAsync(call, open);
            cancellationToken.ThrowIfCancellationRequested();
            if (open.Count == 0)
            {
                return;
            }

            if (open.Count < before)
            {
                // A large read of entities that have to be brought into memory takes its time; as long as some come, it is under way.
                moved = time.GetTimestamp();
            }

            if (IsOver(read) || (open.Count == before && time.GetElapsedTime(moved) > Limits.ReadPatience))
            {
                GiveUp(read, open);
                return;
            }

            // A silo that is overloaded and not dead gets more time with each try, instead of the same work once more.
            call = call with { Max = call.Max * 2 < Limits.ReadPatience ? call.Max * 2 : Limits.ReadPatience };
            await Task.Delay(pause, time, over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static bool IsOver(FeatureRead read) => read.Partial is { IsOver: true };

    /// <summary>A row of which somebody has been asked in vain is out of reach; one that nobody has got round to is out of time.</summary>
    /// <exception cref="PartitionUnavailableException">The read is answered whole or not at all.</exception>
    private static void GiveUp(FeatureRead read, List<Cell> open)
    {
        foreach (Cell cell in open)
        {
            if (read.Partial is null)
            {
                throw new PartitionUnavailableException(cell.Partition, cell.Reason.Length > 0 ? cell.Reason : "its owner is busy with other questions of this read");
            }

            if (!read.Partial.IsGivenUp(cell.Row))
            {
                read.GiveUp(cell.Row, cell.Reason.Length > 0 ? RowOutcome.Unavailable : RowOutcome.OutOfTime);
            }
        }
    }

    private List<Cell> CellsOf(FeatureRead read)
    {
        int entities = read.Selection.Entities.Length;
        var cells = new List<Cell>(read.Rows * entities);
        for (int row = 0; row < read.Rows; row++)
        {
            for (int entity = 0; entity < entities && read.Partial?.IsGivenUp(row) is not true; entity++)
            {
                cells.Add(new Cell(row, entity, map.Of(read.Selection.Entities[entity].Entity, read.KeyOf(row, entity)), ""));
            }
        }

        return cells;
    }

    /// <summary>One try for all that is open. Returns what is open still.</summary>
    private async Task<List<Cell>> OnceAsync(Call call, List<Cell> open)
    {
        PartitionPlan plan = plans.Current;
        List<Cell>[] left = await Task.WhenAll(open.GroupBy(cell => plan.SiloOf(cell.Partition)).Select(group => OwnerAsync(group.Key, call, [.. group])));
        return [.. left.SelectMany(cells => cells)];
    }

    /// <summary>One silo's share, some at a time, so that a large read does not have it wake all its entities at once. Whoever does not answer is not asked for the rest either.</summary>
    private async Task<List<Cell>> OwnerAsync(SiloAddress? owner, Call call, Cell[] open)
    {
        if (owner is null)
        {
            return [.. open.Select(cell => cell with { Reason = "no silo is known to be active" })];
        }

        var left = new List<Cell>();
        for (int first = 0; first < open.Length; first += Limits.QuestionsPerCallMax)
        {
            Cell[] cells = open[first..Math.Min(open.Length, first + Limits.QuestionsPerCallMax)];
            EntityAnswer[] answers = await AskAsync(owner, call, [.. cells.Select(cell => EntityQuestions.Of(call.Read, cell.Row, cell.Entity))]);
            if (answers is [{ Kind: AnswerKind.NotHere }] && cells.Length > 1)
            {
                left.AddRange(open[first..].Select(cell => StillOpen(cell, answers[0])));
                break;
            }

            for (int index = 0; index < cells.Length; index++)
            {
                // One answer for several questions is about all of them.
                if (!Take(call.Read, cells[index], answers[answers.Length == 1 ? 0 : index], out Cell still))
                {
                    left.Add(still);
                }
            }
        }

        return left;
    }

    private async Task<EntityAnswer[]> AskAsync(SiloAddress owner, Call call, EntityQuestion[] questions)
    {
        if (owner.Equals(silo.SiloAddress))
        {
            return await local.AnswerAsync(call.Generation, call.Read.Selection, questions, call.Over);
        }

        metrics.ReadRemote(questions.Length);
        try
        {
            byte[] asked = EntityQuestions.Write(call.Generation, call.Read.Selection, questions, WithinOf(call.Read));
            return EntityAnswers.Read(await silos.Of(owner).ReadAsync(asked).AsTask().WaitAsync(call.Max, time, call.Over));
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException or StateFormatException)
        {
            return [EntityAnswer.Not(AnswerKind.NotHere, $"silo {owner} did not answer ({failure.Message})")];
        }
        catch (OperationCanceledException)
        {
            return [EntityAnswer.Not(AnswerKind.NotHere, "")];
        }
    }

    /// <summary>How long the other silo works on it: no longer than anybody waits. Of a partial read it sends what it has a little before the time is over, so that this still counts.</summary>
    private TimeSpan WithinOf(FeatureRead read)
    {
        TimeSpan left = read.Partial is { Left: var rest } && rest != Timeout.InfiniteTimeSpan ? rest - (rest / Limits.AnswerTravelShare) : read.Deadline - time.GetUtcNow().UtcDateTime;
        return left > Limits.ReadPatience ? Limits.ReadPatience : left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>False where it has to be asked again.</summary>
    private static bool Take(FeatureRead read, Cell cell, EntityAnswer answer, out Cell still)
    {
        still = StillOpen(cell, answer);
        switch (answer.Kind)
        {
            case AnswerKind.Values when read.Partial?.IsGivenUp(cell.Row) is true:
                return true;
            case AnswerKind.Values:
                read.Store(cell.Row, cell.Entity, answer.Values, answer.Stamp);
                return true;
            case AnswerKind.OtherDefinitions:
                throw new DefinitionsChangedException();
            case AnswerKind.Faulted when read.Partial is null:
                throw new InvariantException(answer.Reason);
            case AnswerKind.Faulted:
                read.GiveUp(cell.Row, RowOutcome.Lost);
                return true;
            default:
                return false;
        }
    }

    private static Cell StillOpen(Cell cell, EntityAnswer answer) => answer.Reason.Length > 0 ? cell with { Reason = answer.Reason } : cell;

    /// <param name="Read">What is asked.</param>
    /// <param name="Generation">By which definitions.</param>
    /// <param name="Max">How long one silo is waited for.</param>
    /// <param name="Over">Fires when nobody waits for the read any more, or its time is over.</param>
    private sealed record Call(FeatureRead Read, long Generation, TimeSpan Max, CancellationToken Over);

    private readonly record struct Cell(int Row, int Entity, PartitionId Partition, string Reason);
}
