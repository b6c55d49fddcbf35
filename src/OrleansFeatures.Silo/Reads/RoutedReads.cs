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
/// taken over) is asked again, of whoever the plan names then, until <see cref="Limits.ReadPatience"/> is over.
/// </summary>
internal sealed class RoutedReads(PartitionMap map, PartitionPlans plans, LocalReads local, SiloReadsClient silos, ILocalSiloDetails silo, TimeProvider time, SiloMetrics metrics)
{
    /// <exception cref="DefinitionsChangedException">Some entity goes by other definitions than the read.</exception>
    /// <exception cref="PartitionUnavailableException">Some partition had no owner that answered, within the patience.</exception>
    /// <exception cref="InvariantException">Some entity has met a bug of ours.</exception>
    public async Task FillAsync(FeatureRead read, long generation, CancellationToken cancellationToken)
    {
        long moved = time.GetTimestamp();
        List<Cell> open = CellsOf(read);
        TimeSpan callMax = Limits.SiloCallMax;
        for (TimeSpan pause = Limits.RetryPauseMin; ; pause = pause * 2 < Limits.RetryPauseMax ? pause * 2 : Limits.RetryPauseMax)
        {
            int before = open.Count;
            open = await OnceAsync(read, generation, open, callMax, cancellationToken);
            if (open.Count == 0)
            {
                return;
            }

            if (open.Count < before)
            {
                // A large read of entities that have to be brought into memory takes its time; as long as some come, it is under way.
                moved = time.GetTimestamp();
            }
            else if (time.GetElapsedTime(moved) > Limits.ReadPatience)
            {
                throw new PartitionUnavailableException(open[0].Partition, open[0].Reason);
            }

            // A silo that is overloaded and not dead gets more time with each try, instead of the same work once more.
            callMax = callMax * 2 < Limits.ReadPatience ? callMax * 2 : Limits.ReadPatience;
            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private List<Cell> CellsOf(FeatureRead read)
    {
        int entities = read.Selection.Entities.Length;
        var cells = new List<Cell>(read.Rows * entities);
        for (int row = 0; row < read.Rows; row++)
        {
            for (int entity = 0; entity < entities; entity++)
            {
                cells.Add(new Cell(row, entity, map.Of(read.Selection.Entities[entity].Entity, read.KeyOf(row, entity)), ""));
            }
        }

        return cells;
    }

    /// <summary>One try for all that is open. Returns what is open still.</summary>
    private async Task<List<Cell>> OnceAsync(FeatureRead read, long generation, List<Cell> open, TimeSpan callMax, CancellationToken cancellationToken)
    {
        PartitionPlan plan = plans.Current;
        List<Cell>[] left = await Task.WhenAll(open.GroupBy(cell => plan.SiloOf(cell.Partition)).Select(group => OwnerAsync(group.Key, read, generation, [.. group], callMax, cancellationToken)));
        return [.. left.SelectMany(cells => cells)];
    }

    /// <summary>One silo's share, some at a time, so that a large read does not have it wake all its entities at once. Whoever does not answer is not asked for the rest either.</summary>
    private async Task<List<Cell>> OwnerAsync(SiloAddress? owner, FeatureRead read, long generation, Cell[] open, TimeSpan callMax, CancellationToken cancellationToken)
    {
        if (owner is null)
        {
            return [.. open.Select(cell => cell with { Reason = "no silo is known to be active" })];
        }

        var left = new List<Cell>();
        for (int first = 0; first < open.Length; first += Limits.QuestionsPerCallMax)
        {
            Cell[] cells = open[first..Math.Min(open.Length, first + Limits.QuestionsPerCallMax)];
            EntityAnswer[] answers = await AskAsync(owner, generation, read, [.. cells.Select(cell => EntityQuestions.Of(read, cell.Row, cell.Entity))], callMax, cancellationToken);
            if (answers is [{ Kind: AnswerKind.NotHere }] && cells.Length > 1)
            {
                left.AddRange(open[first..].Select(cell => cell with { Reason = answers[0].Reason }));
                break;
            }

            for (int index = 0; index < cells.Length; index++)
            {
                // One answer for several questions is about all of them.
                if (!Take(read, cells[index], answers[answers.Length == 1 ? 0 : index], out Cell still))
                {
                    left.Add(still);
                }
            }
        }

        return left;
    }

    private async Task<EntityAnswer[]> AskAsync(SiloAddress owner, long generation, FeatureRead read, EntityQuestion[] questions, TimeSpan callMax, CancellationToken cancellationToken)
    {
        if (owner.Equals(silo.SiloAddress))
        {
            return await local.AnswerAsync(generation, read.Selection, questions, cancellationToken);
        }

        metrics.ReadRemote(questions.Length);
        try
        {
            byte[] answers = await silos.Of(owner).ReadAsync(EntityQuestions.Write(generation, read.Selection, questions)).AsTask().WaitAsync(callMax, time, cancellationToken);
            return EntityAnswers.Read(answers);
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException or StateFormatException)
        {
            return [EntityAnswer.Not(AnswerKind.NotHere, $"silo {owner} did not answer ({failure.Message})")];
        }
    }

    /// <summary>False where it has to be asked again.</summary>
    private static bool Take(FeatureRead read, Cell cell, EntityAnswer answer, out Cell still)
    {
        still = cell with { Reason = answer.Reason };
        switch (answer.Kind)
        {
            case AnswerKind.Values:
                read.Store(cell.Row, cell.Entity, answer.Values, answer.Stamp);
                return true;
            case AnswerKind.OtherDefinitions:
                throw new DefinitionsChangedException();
            case AnswerKind.Faulted:
                throw new InvariantException(answer.Reason);
            default:
                return false;
        }
    }

    private readonly record struct Cell(int Row, int Entity, PartitionId Partition, string Reason);
}
