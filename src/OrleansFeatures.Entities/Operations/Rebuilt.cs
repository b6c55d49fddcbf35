using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.History;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Operations;

/// <summary>
/// One range of entities, rebuilt from the log, with the questions that wait for a state version: a question of version V is answered when the next record of its entity is at V or
/// beyond, or when no more records come.
/// </summary>
internal sealed class Rebuilt(Catalog catalog, ReconcileScope scope, NumberRange range, IReadOnlyDictionary<uint, long> floors, Action tick)
{
    private readonly Dictionary<PastEntity, List<Answered>> _waiting = [];
    private readonly Dictionary<PastEntity, string> _faults = [];
    private long _sinceTick;

    public PastEntities Entities { get; } = new(floors);

    public bool IsAnyoneWaiting => _waiting.Any(pair => pair.Value.Any(question => question.StateVersion > pair.Key.StateVersion));

    public string? FaultOf(PastEntity past) => _faults.GetValueOrDefault(past);

    public void Fail(PastEntity past, string reason) => _faults[past] = reason;

    /// <summary>The live answers of an entity, row by row, each with the state version that it was given at.</summary>
    public void Ask(PastEntity past, FeatureRead live) => _waiting[past] = [.. Enumerable.Range(0, live.Rows).Select(row => new Answered(live, row))];

    public void Drop(PastEntity past) => _waiting.Remove(past);

    /// <summary>Everything that was asked about the entity, with its recomputed values; then it is forgotten.</summary>
    public List<Answered> Answers(PastEntity past, WindowScratch scratch)
    {
        Answer(past, long.MaxValue, scratch);
        _waiting.Remove(past, out List<Answered>? answers);
        return answers ?? [];
    }

    public void Apply(LogRecord logged, WindowScratch scratch)
    {
        if (++_sinceTick == Limits.ReconcileRecordsPerReport)
        {
            _sinceTick = 0;
            tick();
        }

        EventRecord record = EventRecord.Parse(logged.Payload);
        if ((scope.EntityType is { } only && only.Id != record.EntityTypeId) || !range.Contains(KeySample.NumberOf(record.EntityTypeId, record.Key, scope.Seed)) || catalog.Entity(record.EntityTypeId) is not { } plan)
        {
            return;
        }

        PastEntity past = Entities.GetOrAdd(plan, record.Key);
        try
        {
            Answer(past, logged.Offset.Value, scratch);
            Entities.Apply(past, record, logged.Offset);
        }
        catch (Exception bug)
        {
            // As in a partition loop: whatever its type, it concerns this entity, which is reported, and no other.
            _faults[past] = $"its record at offset {logged.Offset} cannot be applied: {bug.Message}";
        }
    }

    private void Answer(PastEntity past, long through, WindowScratch scratch)
    {
        if (!_waiting.TryGetValue(past, out List<Answered>? questions))
        {
            return;
        }

        foreach (Answered question in questions)
        {
            if (question.StateVersion <= through)
            {
                question.Answer(past, scratch);
            }
        }
    }
}

/// <summary>One row of a live read, and once the state has been reached the recomputed values of the same.</summary>
internal sealed class Answered(FeatureRead live, int row)
{
    public FeatureRead Live => live;

    public int Row => row;

    public long StateVersion => live.Stamps[row].StateVersion;

    public FeatureValue[] Recomputed { get; private set; } = [];

    public long Events { get; private set; }

    /// <summary>The first time counts.</summary>
    public void Answer(PastEntity past, WindowScratch scratch)
    {
        if (Recomputed.Length == 0)
        {
            ReadPlan plan = live.Selection.Entities[0].Plan;
            Recomputed = new FeatureValue[plan.FeatureCount];
            Events = past.State.EventCount;
            past.State.Read(plan, live.AsOf[row], EventTime.Never, Recomputed, scratch);
        }
    }
}
