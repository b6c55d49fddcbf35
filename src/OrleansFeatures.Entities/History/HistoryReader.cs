using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.History;

/// <summary>
/// Answers what live state no longer reaches: rebuilds the entities concerned from the log, with the domain's own state that this time
/// forgets nothing, and reads them as of each row's instant. One pass over the log serves all rows, unless the entities' partitions hold
/// more records than fit in memory; then partitions are taken in groups, one pass each. Segments may go between one pass and the next, and before the first, so each asks what is missing by then:
/// <code>
///   where the log begins ──> what is missing before that ──> read from there
///                         └─ a cut here: known to be missing, or the pass is made again
///                                                         └─ a cut here: the pass is made again
/// </code>
/// </summary>
/// <param name="log">Where the records are.</param>
/// <param name="map">Where entities live.</param>
/// <param name="floors">By stream: the newest event time of history that is missing, as it is when it is asked for. May block.</param>
internal sealed class HistoryReader(IRecordSource log, PartitionMap map, Func<IReadOnlyDictionary<uint, long>> floors)
{
    private const int RecordsPerReport = 100_000;

    /// <exception cref="HistoryCutException">The log was cut where a pass was about to read, each time that it was made.</exception>
    /// <exception cref="LogException">The log cannot be read.</exception>
    public void Fill(FeatureRead read, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken)
    {
        List<(int Row, int Entity)> open = OpenQuestions(read);
        if (open.Count == 0)
        {
            return;
        }

        LogSequence end = log.DurableSequence;
        List<HashSet<int>> passes = Passes(read, open);
        long total = (end.Value + 1 - log.FirstSequence.Value) * passes.Count;
        var scratch = new WindowScratch();
        progress?.Report(new HistoryProgress(0, total));
        for (int pass = 0; pass < passes.Count; pass++)
        {
            HashSet<int> partitions = passes[pass];
            var questions = open.Where(question => partitions.Contains(PartitionOf(read, question).Value)).ToList();

            long readBefore = total * pass / passes.Count;
            PastEntities entities = UncutPass.Make(() =>
            {
                // In this order: asked the other way round, a cut in between would take records that nobody knows to be missing, and a window would be answered from those that are left.
                LogSequence first = log.FirstSequence;
                var visitor = new HistoryVisitor(EntitiesOf(read, questions, floors()), partitions, progress, readBefore, total);
                log.Read(first, end, ref visitor, cancellationToken);
                return visitor.Entities;
            });
            foreach ((int row, int entity) in questions)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Answer(read, row, entity, entities, scratch);
            }
        }

        progress?.Report(new HistoryProgress(total, total));
    }

    private static List<(int Row, int Entity)> OpenQuestions(FeatureRead read)
    {
        var open = new List<(int, int)>();
        int features = read.Selection.Features.Length;
        for (int row = 0; row < read.Rows; row++)
        {
            for (int entity = 0; entity < read.Selection.Entities.Length; entity++)
            {
                foreach (int position in read.Selection.Entities[entity].Positions)
                {
                    if (read.Values[(row * features) + position].Status is (FeatureStatus.OutsideRetention or FeatureStatus.Approximate))
                    {
                        open.Add((row, entity));
                        break;
                    }
                }
            }
        }

        return open;
    }

    /// <summary>Groups the partitions concerned so that no group holds more records than one pass may keep.</summary>
    private List<HashSet<int>> Passes(FeatureRead read, List<(int Row, int Entity)> open)
    {
        var passes = new List<HashSet<int>>();
        long room = 0;
        foreach (int partition in open.Select(question => PartitionOf(read, question).Value).Distinct().Order())
        {
            long records = log.DurableOffset(new PartitionId(partition)).Value + 1;
            if (passes.Count == 0 || records > room)
            {
                passes.Add([]);
                room = Limits.HistoryRecordsPerPassMax;
            }

            passes[^1].Add(partition);
            room -= records;
        }

        return passes;
    }

    private PartitionId PartitionOf(FeatureRead read, (int Row, int Entity) question) =>
        map.Of(read.Selection.Entities[question.Entity].Entity, read.KeyOf(question.Row, question.Entity));

    private static PastEntities EntitiesOf(FeatureRead read, List<(int Row, int Entity)> questions, IReadOnlyDictionary<uint, long> missing)
    {
        var entities = new PastEntities(missing);
        foreach ((int row, int entity) in questions)
        {
            entities.GetOrAdd(read.Selection.Entities[entity].Entity, read.KeyOf(row, entity));
        }

        return entities;
    }

    private static void Answer(FeatureRead read, int row, int entity, PastEntities entities, WindowScratch scratch)
    {
        EntityRead plan = read.Selection.Entities[entity];
        var values = new FeatureValue[plan.Plan.FeatureCount];
        Domain.InvariantException.Require(entities.TryGet(plan.Entity.Id, read.KeyOf(row, entity), out PastEntity? past), "a question has no entity");
        past!.State.Read(plan.Plan, read.AsOf[row], read.KnownAt[row], values, scratch);
        read.Store(row, entity, values, read.Stamps[(row * read.Selection.Entities.Length) + entity]);
    }

    private struct HistoryVisitor(
        PastEntities entities, HashSet<int> partitions, IProgress<HistoryProgress>? progress, long readBefore, long total) : ILogVisitor
    {
        private long _read = readBefore;

        public readonly PastEntities Entities => entities;

        public bool Visit(LogRecord logged)
        {
            if (++_read % RecordsPerReport == 0)
            {
                progress?.Report(new HistoryProgress(_read, total));
            }

            if (partitions.Contains(logged.Partition.Value))
            {
                EventRecord record = EventRecord.Parse(logged.Payload);
                if (entities.TryGet(record.EntityTypeId, record.Key, out PastEntity? past))
                {
                    entities.Apply(past, record, logged.Offset);
                }
            }

            return true;
        }
    }
}
