using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Explanations;

/// <summary>Versions of events whose time alone keeps them out: all are counted, and on either side the nearest remembered.</summary>
internal sealed class OutsideWindow(long after, long through, int listMax)
{
    private readonly PriorityQueue<ExplainedEvent, long> _before = new();
    private readonly PriorityQueue<ExplainedEvent, long> _later = new();
    private long _beforeCount;
    private long _laterCount;

    /// <summary>By side; without those that nobody met.</summary>
    public IEnumerable<(Exclusion Side, long Count)> Counts =>
        new[] { (Exclusion.BeforeWindow, _beforeCount), (Exclusion.AfterWindow, _laterCount) }.Where(side => side.Item2 > 0);

    public void Add(in EventRecord record, RecordPlace place)
    {
        if (record.Time.Micros <= after)
        {
            _beforeCount++;
            Remember(_before, record, place, Exclusion.BeforeWindow, record.Time.Micros);
        }
        else
        {
            InvariantException.Require(record.Time.Micros > through, "an event within the window is not outside of it");
            _laterCount++;
            Remember(_later, record, place, Exclusion.AfterWindow, -record.Time.Micros);
        }
    }

    /// <summary>So many at most; those before the window first, because what comes after it is rarely missed.</summary>
    public IEnumerable<ExplainedEvent> Nearest(int count) =>
        NearestOf(_before).Concat(NearestOf(_later)).Take(count);

    private static IEnumerable<ExplainedEvent> NearestOf(PriorityQueue<ExplainedEvent, long> side) =>
        side.UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element);

    /// <summary>The least near one, whose priority is the smallest, goes.</summary>
    private void Remember(PriorityQueue<ExplainedEvent, long> side, in EventRecord record, RecordPlace place, Exclusion exclusion, long nearness)
    {
        bool isFull = side.Count == listMax;
        if (listMax == 0 || (isFull && side.TryPeek(out _, out long least) && least >= nearness))
        {
            return;
        }

        var told = new ExplainedEvent(EventLedger.IdOf(record), record.Time, record.Arrival, record.Operation, exclusion, Value.Null, place, -1);
        if (isFull)
        {
            side.EnqueueDequeue(told, nearness);
        }
        else
        {
            side.Enqueue(told, nearness);
        }
    }
}
