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
        long begun = time.GetTimestamp();
        List<Cell> open = CellsOf(read);
        for (TimeSpan pause = Limits.RetryPauseMin; ; pause = pause * 2 < Limits.RetryPauseMax ? pause * 2 : Limits.RetryPauseMax)
        {
            open = await OnceAsync(read, generation, open, cancellationToken);
            if (open.Count == 0)
            {
                return;
            }

            if (time.GetElapsedTime(begun) > Limits.ReadPatience)
            {
                throw new PartitionUnavailableException(open[0].Partition, open[0].Reason);
            }

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
    private async Task<List<Cell>> OnceAsync(FeatureRead read, long generation, List<Cell> open, CancellationToken cancellationToken)
    {
        PartitionPlan plan = plans.Current;
        var left = new List<Cell>();
        var asked = new List<(List<Cell> Cells, Task<EntityAnswer[]> Answers)>();
        foreach (IGrouping<SiloAddress?, Cell> group in open.GroupBy(cell => plan.SiloOf(cell.Partition)))
        {
            if (group.Key is null)
            {
                left.AddRange(group.Select(cell => cell with { Reason = "no silo is known to be active" }));
                continue;
            }

            foreach (Cell[] cells in group.Chunk(Limits.QuestionsPerCallMax))
            {
                EntityQuestion[] questions = [.. cells.Select(cell => EntityQuestions.Of(read, cell.Row, cell.Entity))];
                asked.Add(([.. cells], AskAsync(group.Key, generation, read, questions, cancellationToken)));
            }
        }

        foreach ((List<Cell> cells, Task<EntityAnswer[]> answering) in asked)
        {
            EntityAnswer[] answers = await answering;
            for (int index = 0; index < cells.Count; index++)
            {
                if (!Take(read, cells[index], answers[answers.Length == 1 ? 0 : index], out Cell still))
                {
                    left.Add(still);
                }
            }
        }

        return left;
    }

    private async Task<EntityAnswer[]> AskAsync(SiloAddress owner, long generation, FeatureRead read, EntityQuestion[] questions, CancellationToken cancellationToken)
    {
        if (owner.Equals(silo.SiloAddress))
        {
            return await local.AnswerAsync(generation, read.Selection, questions, cancellationToken);
        }

        metrics.ReadRemote(questions.Length);
        try
        {
            byte[] answers = await silos.Of(owner).ReadAsync(EntityQuestions.Write(generation, read.Selection, questions)).AsTask().WaitAsync(Limits.SiloCallMax, time, cancellationToken);
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
