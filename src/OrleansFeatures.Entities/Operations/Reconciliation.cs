using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.History;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Operations;

/// <summary>
/// Recomputes entities from raw history and compares every feature with what the store serves, while events keep coming. The two must be compared at one state. A live answer names its own: its
/// state version is the offset behind the entity's newest record. So the live answer is taken first, and the recomputed entity is brought to exactly that version:
/// <code>
///   log      r0 r1 r2 ... rE │ rE+1 ...  V-1 │ V ...
///            ── pass over ──>│── catch up ──>│
///                            └ live read: values, state version V        recomputed entity read here
/// </code>
/// Entities are taken in ranges of their numbers (<see cref="KeySample"/>) that fit in memory, a pass over the log each; within a range in batches, whose live values wait for one
/// catch-up, that reads only what was appended since the one before. After each catch-up the live store is let come as far, so a live state is never behind the recomputed one.
/// </summary>
internal sealed class Reconciliation(IRecordSource log, IEntityHost host, ReconcileScope scope, Func<IReadOnlyDictionary<uint, long>> floors, Action<ReconcileProgress> progress)
{
    private readonly Catalog _catalog = host.Catalog;
    private readonly Comparison _comparison = new();
    private readonly WindowScratch _scratch = new();
    private long _read;
    private long _total;

    /// <exception cref="DefinitionsChangedException">Definitions were changed meanwhile.</exception>
    /// <exception cref="LogException">The log cannot be read.</exception>
    public async Task<ReconcileReport> RunAsync(CancellationToken cancellationToken)
    {
        long records = log.DurableSequence.Value + 1 - log.FirstSequence.Value;
        _total = records * 2;
        List<NumberRange> ranges = RangesOf(records, cancellationToken);
        _total = _read + (records * ranges.Count);
        foreach (NumberRange range in ranges)
        {
            await CompareAsync(range, cancellationToken);
        }

        Report();
        return _comparison.Report();
    }

    private List<NumberRange> RangesOf(long records, CancellationToken cancellationToken)
    {
        if (scope.SampleSize is not { } size)
        {
            return NumberRange.All((int)Math.Max(1, (records + scope.RecordsPerPassMax - 1) / scope.RecordsPerPassMax));
        }

        var sample = new KeySample(scope.EntityType, size, scope.Seed) { Tick = Tick };
        log.Read(log.FirstSequence, log.DurableSequence, ref sample, cancellationToken);
        return sample.Ranges(scope.RecordsPerPassMax);
    }

    private async Task CompareAsync(NumberRange range, CancellationToken cancellationToken)
    {
        // In this order: history that is cut in between is then above the floor, and not compared.
        LogSequence first = log.FirstSequence;
        var rebuilt = new Rebuilt(_catalog, scope, range, floors(), Tick);
        LogSequence position = Read(rebuilt, first, cancellationToken);
        await WaitAppliedAsync(cancellationToken);
        Dictionary<EntityPlan, EntityRead> reads = _catalog.Entities.Where(entity => !entity.Features.IsEmpty).ToDictionary(entity => entity, entity => _catalog.AllOf(entity.Name)!.Entities[0]);
        foreach (PastEntity[] batch in rebuilt.Entities.All.Where(past => reads.ContainsKey(past.Plan)).ToList().Chunk(scope.BatchEntities))
        {
            foreach (PastEntity past in batch)
            {
                await AskAsync(rebuilt, past, cancellationToken);
            }

            if (rebuilt.IsAnyoneWaiting)
            {
                position = Read(rebuilt, new LogSequence(position.Value + 1), cancellationToken);
                await WaitAppliedAsync(cancellationToken);
            }

            foreach (PastEntity past in batch)
            {
                Compare(rebuilt, past);
            }

            Report();
        }
    }

    /// <summary>Takes the live answers of an entity, and answers at once those that the recomputed entity is at the version of.</summary>
    private async Task AskAsync(Rebuilt rebuilt, PastEntity past, CancellationToken cancellationToken)
    {
        FeatureRead read = QuestionOf(past);
        try
        {
            await host.ReadAsync(read, cancellationToken);
        }
        catch (Exception failure) when (failure is InvariantException or LogException or EntityUnreadableException)
        {
            rebuilt.Fail(past, failure.Message);
            return;
        }

        rebuilt.Ask(past, read);
    }

    /// <summary>As of stream time, of the entity's own newest event, and of some instants before that, when its windows were full.</summary>
    private FeatureRead QuestionOf(PastEntity past)
    {
        long newest = past.State.LastEventTime?.Micros ?? 0;
        long streamTime = past.Plan.Timelines.Select(timeline => host.StreamTimeMicros(timeline.Stream)).Min() ?? newest;
        long[] instants = [.. Limits.ReconcileBackMicros.Select(back => newest - back).Prepend(streamTime).Distinct()];
        var read = new FeatureRead(_catalog.AllOf(past.Plan.Name)!, instants.Length);
        for (int row = 0; row < instants.Length; row++)
        {
            read.Keys[row] = past.KeyBytes;
            read.AsOf[row] = new EventTime(instants[row]);
        }

        return read;
    }

    private void Compare(Rebuilt rebuilt, PastEntity past)
    {
        _comparison.CountEntity();
        if (rebuilt.FaultOf(past) is { } fault)
        {
            rebuilt.Drop(past);
            _comparison.AddUnreadable(past.Plan, past.KeyBytes, fault);
            return;
        }

        PartitionId partition = host.Partitions.Of(past.Plan, past.Key);
        foreach (Answered answer in rebuilt.Answers(past, _scratch))
        {
            int features = answer.Live.Selection.Features.Length;
            _comparison.Add(
                past.Plan, past.KeyBytes, answer.Live.AsOf[answer.Row], answer.Live.Stamps[answer.Row].StateVersion, partition, answer.Events,
                answer.Live.Values.AsSpan(answer.Row * features, features), answer.Recomputed);
        }
    }

    /// <summary>Reads on to the durable end; returns it.</summary>
    private LogSequence Read(Rebuilt rebuilt, LogSequence from, CancellationToken cancellationToken)
    {
        LogSequence end = log.DurableSequence;
        if (from.Value <= end.Value)
        {
            var visitor = new Rebuilding(rebuilt, _scratch);
            log.Read(from, end, ref visitor, cancellationToken);
        }

        return end;
    }

    /// <summary>Lets reads see everything that is durable by now. Ends when the partition loops have applied it.</summary>
    private async Task WaitAppliedAsync(CancellationToken cancellationToken)
    {
        for (int index = 0; index < host.Partitions.Count; index++)
        {
            var partition = new PartitionId(index);
            await host.WaitAppliedAsync(new PartitionOffset(partition, host.DurableOffset(partition)), cancellationToken);
        }
    }

    private void Tick()
    {
        _read += Limits.ReconcileRecordsPerReport;
        Report();
    }

    private void Report() => progress(new ReconcileProgress(Math.Min(_read, _total), _total, _comparison.Counts));

    private readonly struct Rebuilding(Rebuilt rebuilt, WindowScratch scratch) : ILogVisitor
    {
        public bool Visit(LogRecord logged)
        {
            rebuilt.Apply(logged, scratch);
            return true;
        }
    }
}
