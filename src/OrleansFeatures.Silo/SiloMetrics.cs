using System.Diagnostics.Metrics;

namespace OrleansFeatures.Silo;

/// <summary>What this silo has done since it started, as counters of the meter <see cref="MeterName"/> and as totals. Any thread.</summary>
public sealed class SiloMetrics : IDisposable
{
    public const string MeterName = "OrleansFeatures.Silo";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter _applied;
    private readonly Counter _deliveredHere;
    private readonly Counter _deliveredElsewhere;
    private readonly Counter _gaps;
    private readonly Counter _heals;
    private readonly Counter _fenced;
    private readonly Counter _checkpoints;
    private readonly Counter _checkpointFailures;
    private readonly Counter _rows;
    private readonly Counter _readsLocal;
    private readonly Counter _readsRemote;
    private readonly Counter _calls;

    public SiloMetrics()
    {
        _applied = new Counter(_meter, "orleansfeatures.records.applied", "Records that entities of this silo's partitions have taken.");
        _deliveredHere = new Counter(_meter, "orleansfeatures.deliveries.local", "Batches that entities took in the silo of their partition.");
        _deliveredElsewhere = new Counter(_meter, "orleansfeatures.deliveries.elsewhere", "Batches that reached an entity in another silo than its partition's, and were delivered again.");
        _gaps = new Counter(_meter, "orleansfeatures.gaps.read", "Gaps in what streams delivered that were read from the log.");
        _heals = new Counter(_meter, "orleansfeatures.entities.healed", "Entities that came back without all of their records, and read them from the log.");
        _fenced = new Counter(_meter, "orleansfeatures.checkpoints.fenced", "Checkpoints refused because the partition had another owner.");
        _checkpointFailures = new Counter(_meter, "orleansfeatures.checkpoints.failed", "Checkpoints that failed, fenced ones not counted.");
        _checkpoints = new Counter(_meter, "orleansfeatures.checkpoints", "Checkpoints of partitions.");
        _rows = new Counter(_meter, "orleansfeatures.checkpoint.rows", "Entities that checkpoints wrote.");
        _readsLocal = new Counter(_meter, "orleansfeatures.reads.local", "Entities read without leaving the process.");
        _readsRemote = new Counter(_meter, "orleansfeatures.reads.remote", "Entities asked for in other silos.");
        _calls = new Counter(_meter, "orleansfeatures.reads.calls", "Calls to other silos for reads.");
    }

    public long RecordsApplied => _applied.Total;

    public long DeliveriesHere => _deliveredHere.Total;

    public long DeliveriesElsewhere => _deliveredElsewhere.Total;

    public long GapsRead => _gaps.Total;

    public long EntitiesHealed => _heals.Total;

    public long CheckpointsFenced => _fenced.Total;

    public long Checkpoints => _checkpoints.Total;

    public long CheckpointFailures => _checkpointFailures.Total;

    public long CheckpointRows => _rows.Total;

    public long ReadsLocal => _readsLocal.Total;

    public long ReadsRemote => _readsRemote.Total;

    public long ReadCalls => _calls.Total;

    public void Dispose() => _meter.Dispose();

    internal void Applied(long records) => _applied.Add(records);

    internal void DeliveredHere() => _deliveredHere.Add(1);

    internal void DeliveredElsewhere() => _deliveredElsewhere.Add(1);

    internal void GapRead() => _gaps.Add(1);

    internal void Healed() => _heals.Add(1);

    internal void CheckpointFailed() => _checkpointFailures.Add(1);

    internal void Fenced() => _fenced.Add(1);

    internal void Checkpointed(int rows)
    {
        _checkpoints.Add(1);
        _rows.Add(rows);
    }

    internal void ReadLocal(int entities) => _readsLocal.Add(entities);

    internal void ReadRemote(int entities)
    {
        _readsRemote.Add(entities);
        _calls.Add(1);
    }

    /// <summary>A counter that can be asked as well.</summary>
    private sealed class Counter
    {
        private long _total;

        public Counter(Meter meter, string name, string description) => meter.CreateObservableCounter(name, () => Total, unit: null, description);

        public long Total => Interlocked.Read(ref _total);

        public void Add(long count) => Interlocked.Add(ref _total, count);
    }
}
