using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Explanations;

// Explaining goes the slow way on purpose. Serving finds a window by binary search among packed rows and never looks at what lies outside; here every record of the entity is taken up one by
// one and gets a reason. What decides is shared with serving: the flags of a row (filters, lateness, nulls) come from the RowReader that fills live state, the calendar from the feature's own plan.
// What is found is then checked: only the events of the window are put into a fresh EntityState, and the value read there must be the one that is served.
//
//   records, in the log's order          versions                      fates
//   insert  7  t=10  amount=5    ──>     7 t=10 ───┐ superseded  ──>   SUPERSEDED
//   upsert  7  t=12  amount=6    ──>     7 t=12  <─┘             ──>   counts      ──┐
//   insert  8  t=11  amount=null ──>     8 t=11                  ──>   NO_VALUE    ──┼──> EntityState ──> recomputed
//   insert  9  t=99  amount=1    ──>     (after the window: counted, listed perhaps, not kept)
//
// Where the window has bounds in time that are known beforehand, what lies outside is only counted, so memory is that of the window's events and not that of the entity's history.

/// <summary>
/// Takes the records of one entity and tells of each version of an event whether it counts towards one value of one feature, and why not. Records come in the log's order, and only those that the
/// state which answered had applied. One thread.
/// </summary>
public sealed class EventLedger
{
    private readonly EntityPlan _entity;
    private readonly FeaturePlan _feature;
    private readonly TimelinePlan _timeline;
    private readonly long _asOf;
    private readonly long _knownAt;
    private readonly long _after;
    private readonly long _through;
    private readonly int _keptMax;
    private readonly StateMemory _memory = new();
    private readonly RowLayout _layout;
    private readonly RowReader _reader;
    private readonly List<EventVersionKept> _kept = [];
    private readonly Dictionary<(long Time, long Id), EventVersionKept> _newest = [];
    private readonly OutsideWindow _outside;

    /// <param name="entity">The entity type.</param>
    /// <param name="feature">One of its features.</param>
    /// <param name="asOf">The instant that it was read at.</param>
    /// <param name="knownAt">What arrived later is not looked at.</param>
    /// <param name="listMax">Events listed at most of those that count, and as many of those that do not.</param>
    /// <param name="keptMax">Events that the window may hold.</param>
    public EventLedger(EntityPlan entity, FeaturePlan feature, EventTime asOf, EventTime knownAt, int listMax, int keptMax)
    {
        (_entity, _feature, _timeline) = (entity, feature, entity.Timelines[feature.Window.Timeline]);
        (_asOf, _knownAt, _keptMax, ListMax) = (asOf.Micros, knownAt.Micros, keptMax, listMax);
        _through = _asOf - feature.Window.Delay.Micros;
        WindowDefinition window = feature.Window.Window;
        _after = window.Kind switch
        {
            WindowKind.Sliding or WindowKind.Session => _through - window.Width.Micros,
            WindowKind.Tumbling => feature.Window.Calendar!.StartOf(_through) - 1,
            _ => long.MinValue,
        };
        _layout = new RowLayout(_timeline, _memory);
        _reader = new RowReader(_layout);
        _outside = new OutsideWindow(_after, _through, listMax);
    }

    /// <summary>Events listed at most of either kind.</summary>
    public int ListMax { get; }

    /// <summary>Takes the entity's next record; <paramref name="bytes"/> is what it was parsed from. One of another stream than the feature's is passed over.</summary>
    /// <exception cref="ExplanationTooLongException">The window holds too many events.</exception>
    public void Add(in EventRecord record, ReadOnlySpan<byte> bytes, RecordPlace place)
    {
        if (record.StreamId != _timeline.Stream.Id)
        {
            return;
        }

        if (record.Operation != EventOperation.Insert && record.Previous != EventVersion.None && !record.IsNewHere)
        {
            Supersede(record, place);
        }

        if (record.Operation is EventOperation.Insert or EventOperation.Upsert)
        {
            AddVersion(record, bytes, place);
        }
    }

    /// <summary>What all records come to.</summary>
    /// <param name="isKnown">Whether the entity that answered had ever been seen.</param>
    /// <param name="floors">By stream, as for <see cref="EntityLayout"/>: the newest event time of history that is missing. Null: history is whole.</param>
    public FeatureExplanation Explain(bool isKnown, IReadOnlyDictionary<uint, long>? floors)
    {
        foreach (EventVersionKept version in _kept)
        {
            version.Exclusion = ExclusionOf(version);
        }

        List<EventVersionKept> window = [.. _kept.Where(version => version.Exclusion == Exclusion.None).Order(Comparer<EventVersionKept>.Create(Compare))];
        long after = Cut(window);
        FeatureValue recomputed = Recompute(window, isKnown, floors);
        ulong nulls = NullBit(_feature.Column) | NullBit(_feature.By) | NullBit(_feature.OrderBy);
        foreach (EventVersionKept version in window.Where(version => (version.Flags & nulls) != 0))
        {
            version.Exclusion = Exclusion.NoValue;
        }

        return new FeatureExplanation(_feature, after, _through, recomputed, Counts(), Listed());
    }

    private void Supersede(in EventRecord record, RecordPlace place)
    {
        if (_newest.TryGetValue((record.Previous.TimeMicros, _reader.IdOf(record)), out EventVersionKept? previous) && previous.SupersededBy < 0)
        {
            (previous.SupersededAt, previous.SupersededBy) = (record.Arrival.Micros, place.Sequence);
        }
    }

    private void AddVersion(in EventRecord record, ReadOnlySpan<byte> bytes, RecordPlace place)
    {
        if (record.Time.Micros <= _after || record.Time.Micros > _through)
        {
            _outside.Add(record, place);
            return;
        }

        // A copy that a crash had written again, and that the entity passed over too.
        (long Time, long Id) key = (record.Time.Micros, _reader.IdOf(record));
        if (_newest.TryGetValue(key, out EventVersionKept? known) && !(record.Operation == EventOperation.Upsert && known.SupersededBy >= 0))
        {
            return;
        }

        if (_kept.Count == _keptMax)
        {
            throw new ExplanationTooLongException(_feature.Reference, _keptMax);
        }

        ReadOnlySpan<long> row = _reader.Read(record);
        var version = new EventVersionKept(bytes.ToArray(), place, record.Operation, record.Time.Micros, record.Arrival.Micros, row[RowLayout.Id], (ulong)row[RowLayout.Flags], ValueOf(row));
        _kept.Add(version);
        _newest[key] = version;
    }

    private Value ValueOf(ReadOnlySpan<long> row)
    {
        if (_feature.Column < 0 || ((ulong)row[RowLayout.Flags] & NullBit(_feature.Column)) != 0)
        {
            return Value.Null;
        }

        long cell = row[RowLayout.FirstColumn + _feature.Column];
        FieldType type = _timeline.Columns[_feature.Column].Type;
        return type == FieldType.String ? Value.Of(_memory.Texts.Text(cell)) : Value.FromBits(type, cell);
    }

    private Exclusion ExclusionOf(EventVersionKept version)
    {
        if (version.Arrival > _knownAt)
        {
            return Exclusion.NotYetKnown;
        }

        if (version.SupersededBy >= 0 && version.SupersededAt <= _knownAt)
        {
            return Exclusion.Superseded;
        }

        ulong lacking = _feature.Window.FilterBits & ~version.Flags;
        bool isLate = Enumerable.Range(0, _timeline.Filters.Length).Any(bit => (lacking & (1UL << bit)) != 0 && _timeline.Filters[bit].AllowedLateness is not null);
        return isLate ? Exclusion.TooLate : lacking != 0 ? Exclusion.Filtered : Exclusion.None;
    }

    /// <summary>Takes out what windows that count events or pauses leave out; returns where the window begins, exclusive.</summary>
    private long Cut(List<EventVersionKept> window)
    {
        WindowDefinition definition = _feature.Window.Window;
        if (definition.Kind == WindowKind.Count)
        {
            Leave(window, window.Count - definition.Events, Exclusion.BeyondCount);
            return window.Count == definition.Events ? window[0].Time - 1 : long.MinValue;
        }

        if (definition.Kind != WindowKind.Session)
        {
            return _after;
        }

        int first = window.Count;
        for (long next = _through; first > 0 && next - window[first - 1].Time <= definition.Gap.Micros; first--)
        {
            next = window[first - 1].Time;
        }

        Leave(window, first, Exclusion.OtherSession);
        return window.Count > 0 ? window[0].Time - 1 : _through;
    }

    private static void Leave(List<EventVersionKept> window, int count, Exclusion exclusion)
    {
        for (int index = 0; index < count; index++)
        {
            window[index].Exclusion = exclusion;
        }

        window.RemoveRange(0, Math.Max(0, count));
    }

    /// <summary>The value by the code that serves, from the window's events and from nothing else. Events without a value are in it: they hold a session together, and are among the last N.</summary>
    private FeatureValue Recompute(List<EventVersionKept> window, bool isKnown, IReadOnlyDictionary<uint, long>? floors)
    {
        var layout = new EntityLayout(_entity, _memory, forgets: false, floors: floors);

        // The view's ttl looks at the entity's newest event, wherever it lies; here it is told what the window's own events give.
        ReadPlan plan = ReadPlan.For([_feature with { MaxAge = null }]);
        var values = new FeatureValue[1];
        var scratch = new WindowScratch();
        if (!isKnown)
        {
            EntityState.ReadUnknown(layout, plan, new EventTime(_asOf), EventTime.Never, values, scratch);
            return values[0];
        }

        var state = new EntityState(layout);
        foreach (EventVersionKept version in window)
        {
            state.Apply(_feature.Window.Timeline, EventRecord.Parse(version.Record));
        }

        state.Read(plan, new EventTime(_asOf), EventTime.Never, values, scratch);
        return values[0];
    }

    private Dictionary<Exclusion, long> Counts()
    {
        Dictionary<Exclusion, long> counts = _kept.GroupBy(version => version.Exclusion).ToDictionary(group => group.Key, group => group.LongCount());
        foreach ((Exclusion side, long count) in _outside.Counts)
        {
            counts[side] = count;
        }

        return counts;
    }

    /// <summary>Of those that count the newest; of the others first those for which more than their time speaks against them, then the nearest before and after the window.</summary>
    private List<ExplainedEvent> Listed()
    {
        List<EventVersionKept> newestFirst = [.. _kept.Order(Comparer<EventVersionKept>.Create((left, right) => Compare(right, left)))];
        List<ExplainedEvent> counting = [.. newestFirst.Where(version => version.Exclusion == Exclusion.None).Take(ListMax).Select(Told)];
        List<ExplainedEvent> excluded = [.. newestFirst.Where(version => version.Exclusion != Exclusion.None).Take(ListMax).Select(Told)];
        excluded.AddRange(_outside.Nearest(ListMax - excluded.Count));
        return [.. counting.Concat(excluded).OrderByDescending(told => told.Time.Micros).ThenByDescending(told => told.Place.Sequence)];
    }

    private ExplainedEvent Told(EventVersionKept version) =>
        new(IdOf(EventRecord.Parse(version.Record)), new EventTime(version.Time), new EventTime(version.Arrival), version.Operation, version.Exclusion, version.Value, version.Place, version.SupersededBy);

    internal static Value IdOf(in EventRecord record) => record.HasTextId ? Value.Of(System.Text.Encoding.UTF8.GetString(record.IdText)) : Value.Of(record.IdNumber);

    /// <summary>The order of events: by time, then by id; versions of one event at one time as they came.</summary>
    private int Compare(EventVersionKept left, EventVersionKept right)
    {
        int byTime = left.Time.CompareTo(right.Time);
        int byId = byTime != 0 ? byTime : _layout.CompareIds(left.Id, right.Id);
        return byId != 0 ? byId : left.Place.Offset.CompareTo(right.Place.Offset);
    }

    private ulong NullBit(int column) => column < 0 ? 0 : _timeline.Columns[column].NullBit;
}
