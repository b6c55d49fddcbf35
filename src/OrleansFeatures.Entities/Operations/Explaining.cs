using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Explanations;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Operations;

/// <summary>
/// Goes once through the log for the entities of one answered row, and hands their records to a ledger for each feature. The row names the states that it was answered from, so the pass takes
/// exactly the records that these states had applied, whatever has been appended since, and ends with the last of them:
/// <code>
///   log, entity's partition   r0 .. r1 ...... r2 .. │ r3 ...        state version = offset of r2 + 1
///                             └────── ledger ─────┘   passed over
/// </code>
/// What has left the log is asked for after the pass: segments may go while it is under way, and what they took must then be known to be missing.
/// </summary>
/// <param name="log">Where the records are.</param>
/// <param name="map">Where entities live.</param>
/// <param name="floors">By stream: the newest event time of history that is missing, as it is when it is asked for.</param>
/// <param name="eventsMax">Events listed at most, of those that count and of those that do not.</param>
internal sealed class Explaining(IRecordSource log, PartitionMap map, Func<IReadOnlyDictionary<uint, long>> floors, int eventsMax)
{
    /// <summary>The values of the read's first row, in the order of its entities and their plans.</summary>
    /// <exception cref="ExplanationTooLongException">A window holds more than <see cref="Limits.ExplainEventsMax"/> events.</exception>
    /// <exception cref="LogException">The log cannot be read.</exception>
    public List<ExplainedValue> Run(FeatureRead answered, CancellationToken cancellationToken)
    {
        Subject[] subjects = [.. answered.Selection.Entities.Select((entity, index) => SubjectOf(answered, entity, index))];
        var visitor = new LedgerVisitor(subjects);
        if (!visitor.IsDone)
        {
            log.Read(log.FirstSequence, log.DurableSequence, ref visitor, cancellationToken);
        }

        IReadOnlyDictionary<uint, long> missing = floors();
        return [.. subjects.SelectMany((subject, index) => ValuesOf(answered, subject, index, missing))];
    }

    private Subject SubjectOf(FeatureRead answered, EntityRead entity, int index)
    {
        EventLedger[] ledgers =
        [
            .. entity.Plan.Features.Select(feature => new EventLedger(entity.Entity, feature, answered.AsOf[0], answered.KnownAt[0], eventsMax, Limits.ExplainEventsMax)),
        ];
        return new Subject(entity.Entity, answered.Keys[index], map.Of(entity.Entity, answered.Keys[index].Span), answered.Stamps[index], ledgers);
    }

    private IEnumerable<ExplainedValue> ValuesOf(FeatureRead answered, Subject subject, int index, IReadOnlyDictionary<uint, long> missing)
    {
        EntityRead entity = answered.Selection.Entities[index];
        for (int feature = 0; feature < subject.Ledgers.Length; feature++)
        {
            FeatureExplanation explained = subject.Ledgers[feature].Explain(subject.State.StateVersion > 0, missing);
            yield return new ExplainedValue(subject.Plan, answered.Values[entity.Positions[feature]], subject.State, subject.Partition, explained);
        }
    }

    private sealed class Subject(EntityPlan plan, ReadOnlyMemory<byte> key, PartitionId partition, EntityStamp state, EventLedger[] ledgers)
    {
        public EntityPlan Plan => plan;

        public PartitionId Partition => partition;

        public EntityStamp State => state;

        public EventLedger[] Ledgers => ledgers;

        /// <summary>Whether the last record of its state has been taken.</summary>
        public bool IsDone { get; private set; } = state.StateVersion == 0;

        public void Take(in LogRecord logged)
        {
            if (IsDone || logged.Partition != partition || !IsOwn(logged.Payload))
            {
                return;
            }

            EventRecord record = EventRecord.Parse(logged.Payload);
            foreach (EventLedger ledger in ledgers)
            {
                ledger.Add(record, logged.Payload, new RecordPlace(partition.Value, logged.Offset.Value, logged.Sequence.Value));
            }

            IsDone = logged.Offset.Value >= state.StateVersion - 1;
        }

        private bool IsOwn(ReadOnlySpan<byte> record) => EventRecord.EntityOf(record, out uint type).SequenceEqual(key.Span) && type == plan.Id;
    }

    private readonly struct LedgerVisitor(Subject[] subjects) : ILogVisitor
    {
        public bool IsDone => Array.TrueForAll(subjects, subject => subject.IsDone);

        public bool Visit(LogRecord logged)
        {
            foreach (Subject subject in subjects)
            {
                subject.Take(logged);
            }

            return !IsDone;
        }
    }
}
