using System.Collections.Immutable;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.State;

/// <summary>
/// All that one entity remembers, and every feature of it at any instant within its retention. A function of the set of events applied and of their corrections:
/// neither their order nor repetition changes a value. Entered by one thread at a time.
/// </summary>
public sealed partial class EntityState
{
    private readonly EntityLayout _layout;
    private readonly Timeline[]? _others;
    private Timeline _first;

    public EntityState(EntityLayout layout)
    {
        _layout = layout;
        _others = layout.Timelines.Length > 1 ? new Timeline[layout.Timelines.Length - 1] : null;
        for (int timeline = 0; timeline < layout.Timelines.Length; timeline++)
        {
            Of(timeline).BeginAfter(layout.FloorOf(timeline));
        }
    }

    /// <summary>Raw events held, superseded versions included.</summary>
    public long EventCount
    {
        get
        {
            long count = 0;
            for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
            {
                count += Of(timeline).Count;
            }

            return count;
        }
    }

    /// <summary>The newest event time held; null before the first event.</summary>
    public EventTime? LastEventTime
    {
        get
        {
            long last = long.MinValue;
            for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
            {
                last = Math.Max(last, Of(timeline).LastTime(_layout.Timelines[timeline]));
            }

            return last == long.MinValue ? null : new EventTime(last);
        }
    }

    /// <summary>Applies one record of that timeline.</summary>
    public ApplyResult Apply(int timeline, in EventRecord record)
    {
        ref Timeline events = ref Of(timeline);
        RowLayout rows = _layout.Timelines[timeline];
        ApplyResult superseded = ApplyResult.Applied;
        if (record.Operation != EventOperation.Insert && record.Previous != EventVersion.None && !record.IsNewHere)
        {
            long id = _layout.Readers[timeline].IdOf(record);
            superseded = events.Supersede(rows, record.Previous.TimeMicros, id, record.Arrival.Micros);
            if (rows.HasTextId)
            {
                rows.Memory.Texts.Release(id);
            }
        }

        if (record.Operation is EventOperation.Delete or EventOperation.Retract)
        {
            return superseded;
        }

        ApplyResult result = events.Insert(rows, _layout.Readers[timeline].Read(record), _layout.Forgets, again: record.Operation == EventOperation.Upsert);
        if (events.Directory is { } dense && dense.RowBytes > _layout.EntityBudgetBytes)
        {
            Compact(_layout.EntityBudgetBytes / 4 * 3);
        }

        return result;
    }

    /// <summary>Sums up the oldest events until rows and sums take at most so many bytes, texts not counted.</summary>
    public void Compact(long bytes)
    {
        for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
        {
            ref Timeline events = ref Of(timeline);
            long share = bytes / _layout.Timelines.Length;
            if (events.RowBytes(_layout.Timelines[timeline]) > share)
            {
                _layout.CountCompaction(events.Compact(_layout.Timelines[timeline], share));
            }

            events.Shrink(_layout.Timelines[timeline], share);
            _layout.Memory.SummaryBytes += events.Past?.Account() ?? 0;
        }
    }

    /// <summary>What the entity takes, by part. Costs a walk over its texts.</summary>
    public EntityMemory Memory()
    {
        EntityMemory memory = default;
        for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
        {
            ref Timeline events = ref Of(timeline);
            RowLayout rows = _layout.Timelines[timeline];
            memory += new EntityMemory(
                events.Count,
                events.Past?.EventCount ?? 0,
                events.RowBytes(rows),
                new TimelineReader(events, rows, EventTime.Never.Micros).TextBytes(),
                events.Past?.Bytes ?? 0,
                events.DirectoryBytes,
                events.FloorMicros);
        }

        return memory;
    }

    /// <summary>Bytes of rows and sums: cheap, for comparing entities.</summary>
    public long HeldBytes
    {
        get
        {
            long bytes = 0;
            for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
            {
                bytes += Of(timeline).RowBytes(_layout.Timelines[timeline]) + (Of(timeline).Past?.Bytes ?? 0);
            }

            return bytes;
        }
    }

    /// <summary>Asks for the memory that the next event will touch: first where the newest rows begin, and some events later, when that has come, where the next row goes.</summary>
    public void Warm(bool begun) => _first.Warm(_layout.Timelines[0], begun);

    /// <summary>Asks for the rows that a read will look at. Any thread, also while another applies an event: it asks for what is there or for what was.</summary>
    public void WarmRows() => _first.WarmRows(_layout.Timelines[0]);

    /// <summary>In what form events of that time are held.</summary>
    public Presence PresenceOf(int timeline, EventTime time) => Of(timeline).PresenceOf(_layout.Timelines[timeline], time.Micros);

    /// <summary>
    /// Computes the plan's features as of <paramref name="asOf"/>, from what had arrived by <paramref name="knownAt"/>, into <paramref name="values"/> (one per feature of the plan).
    /// Costs a search for each distinct window, some hundred nanoseconds for each lane, and for aggregates that need every value a walk over the window.
    /// </summary>
    public void Read(ReadPlan plan, EventTime asOf, EventTime knownAt, Span<FeatureValue> values, WindowScratch scratch)
    {
        // All of the rows come while the first search waits for the first of them.
        WarmRows();
        Span<WindowRange> ranges = scratch.Ranges(plan.Ranges.Length);
        for (int range = 0; range < ranges.Length; range++)
        {
            WindowPlan window = plan.Ranges[range];
            RowLayout rows = _layout.Timelines[window.Timeline];
            ref Timeline events = ref Of(window.Timeline);
            ranges[range] = WindowRange.Find(window, events, rows, new TimelineReader(events, rows, knownAt.Micros), asOf.Micros);
        }

        foreach (LaneRead lane in plan.Lanes)
        {
            ReadLane(lane, ranges, knownAt, values);
        }

        foreach (GatherRead gather in plan.Gathers)
        {
            WindowRange range = ranges[gather.Range];
            if (range.Coverage == Coverage.Exact)
            {
                ReadGathered(gather, range, knownAt, values, scratch);
            }
            else
            {
                ReadPast(gather.Timeline, range, gather.Features, knownAt, values);
            }
        }

        foreach (MaxAgeRead age in plan.MaxAges)
        {
            Expire(age, asOf, knownAt, values);
        }
    }

    /// <summary>What an entity that has never been seen answers: the values of empty windows, with NotFound where that is null.</summary>
    public static void ReadUnknown(ReadPlan plan, Span<FeatureValue> values)
    {
        for (int output = 0; output < plan.FeatureCount; output++)
        {
            FeaturePlan feature = plan.Features[output];
            FeatureValue value = OrDefault(OfNothing(feature), feature);
            values[output] = value.HasValue ? value : FeatureValue.NotFound;
        }
    }

    /// <summary>The same where history may be missing: what reaches back to that is outside retention, for an entity that nothing is known of as for any other.</summary>
    public static void ReadUnknown(EntityLayout layout, ReadPlan plan, EventTime asOf, EventTime knownAt, Span<FeatureValue> values, WindowScratch scratch)
    {
        if (layout.KnowsAll)
        {
            ReadUnknown(plan, values);
            return;
        }

        new EntityState(layout).Read(plan, asOf, knownAt, values, scratch);
        foreach (ref FeatureValue value in values[..plan.FeatureCount])
        {
            value = value.Status == FeatureStatus.NullValue ? FeatureValue.NotFound : value;
        }
    }

    private static FeatureValue OfNothing(FeaturePlan feature) =>
        feature.By < 0 && feature.Aggregate.Kind is AggregateKind.Count or AggregateKind.DistinctCount ? FeatureValue.Of(Value.Of(0L)) : FeatureValue.Null;

    private static FeatureValue OrDefault(in FeatureValue value, FeaturePlan feature) =>
        value.Status == FeatureStatus.NullValue && !feature.Default.IsNull ? FeatureValue.Of(feature.Default) : value;

    private ref Timeline Of(int timeline) => ref timeline == 0 ? ref _first : ref _others![timeline - 1];

    /// <summary>
    /// Reads one lane in all windows that end at one instant. They lie in each other, so each is the next narrower one and what lies before it.
    /// </summary>
    private void ReadLane(LaneRead read, ReadOnlySpan<WindowRange> ranges, EventTime knownAt, Span<FeatureValue> values)
    {
        ref Timeline events = ref Of(read.Timeline);
        RowLayout rows = _layout.Timelines[read.Timeline];
        var reader = new TimelineReader(events, rows, knownAt.Micros);
        LanePlan lane = rows.Plan.Lanes[read.Lane];
        FieldType type = lane.Column < 0 ? FieldType.Null : rows.Plan.Columns[lane.Column].Type;
        Span<int> order = stackalloc int[read.Windows.Length];
        NarrowestFirst(read.Windows, ranges, order);
        Fold fold = default;
        RowPosition? from = null;
        for (int index = 0; index < order.Length; index++)
        {
            LaneWindow window = read.Windows[order[index]];
            WindowRange range = ranges[window.Range];
            if (range.Coverage != Coverage.Exact)
            {
                ReadPast(read.Timeline, range, window.Features, knownAt, values);
                continue;
            }

            fold.Merge(reader.Fold(range.From, from ?? range.To, read.Lane), type, lane.Moments);
            from = range.From;
            Compute(window.Features, fold, type, range, reader, read.Lane, values);
        }
    }

    private static void Compute(
        ImmutableArray<(FeaturePlan Feature, int Output)> features, in Fold fold, FieldType type, in WindowRange range, TimelineReader reader, int lane, Span<FeatureValue> values)
    {
        foreach ((FeaturePlan feature, int output) in features)
        {
            double seconds = feature.Aggregate.Kind == AggregateKind.Rate && fold.Count > 0 ? range.Span.Seconds(FirstTime(range, reader, lane)) : 0;
            values[output] = OrDefault(fold.Compute(feature.Aggregate, type, seconds), feature);
        }
    }

    private static long FirstTime(in WindowRange range, TimelineReader reader, int lane) =>
        range.Span.After == WindowSpan.NoStart ? reader.FirstTime(range.From, range.To, lane) : 0;

    private static void NarrowestFirst(ImmutableArray<LaneWindow> windows, ReadOnlySpan<WindowRange> ranges, Span<int> order)
    {
        for (int index = 0; index < order.Length; index++)
        {
            int at = index;
            while (at > 0 && ranges[windows[order[at - 1]].Range].From.CompareTo(ranges[windows[index].Range].From) < 0)
            {
                order[at] = order[at - 1];
                at--;
            }

            order[at] = index;
        }
    }

    private void ReadGathered(GatherRead read, in WindowRange range, EventTime knownAt, Span<FeatureValue> values, WindowScratch scratch)
    {
        RowLayout rows = _layout.Timelines[read.Timeline];
        var reader = new TimelineReader(Of(read.Timeline), rows, knownAt.Micros);
        int count = reader.Gather(range.From, range.To, read.Rows, scratch);
        ReadOnlySpan<long> bits = scratch.Numbers(count);
        ReadOnlySpan<long> times = read.Rows.NeedsBeside ? scratch.Times(count) : default;
        FieldType type = read.Rows.Column < 0 ? FieldType.Timestamp : rows.Plan.Columns[read.Rows.Column].Type;
        FieldType rankType = read.Rows.OrderBy < 0 ? FieldType.Null : rows.Plan.Columns[read.Rows.OrderBy].Type;
        if (read.Rows.By >= 0)
        {
            FieldType categoryType = rows.Plan.Columns[read.Rows.By].Type;
            ReadOnlySpan<long> categories = scratch.Categories(count);
            foreach ((FeaturePlan feature, int output) in read.Features)
            {
                values[output] = CategoryMap.Compute(feature.Aggregate, type, bits, times, categoryType, categories, range.Span, rows.Memory.Texts, scratch, rankType);
            }

            return;
        }

        var column = new ColumnValues(type, bits, times, range.Span, rows.Memory.Texts, scratch, rankType);
        foreach ((FeaturePlan feature, int output) in read.Features)
        {
            values[output] = OrDefault(column.Compute(feature.Aggregate), feature);
        }
    }

    /// <summary>Takes away the values of views that have gone too long without an event, whatever their windows still hold.</summary>
    private void Expire(MaxAgeRead read, EventTime asOf, EventTime knownAt, Span<FeatureValue> values)
    {
        int timeline = read.Plan.Timeline;
        FeatureStatus status = EventAge.Judge(read.Plan, Of(timeline), _layout.Timelines[timeline], _layout.FloorOf(timeline), asOf.Micros, knownAt.Micros);
        if (status == FeatureStatus.Present)
        {
            return;
        }

        foreach (int output in read.Outputs)
        {
            values[output] = FeatureValue.Without(status);
        }
    }

    /// <summary>Windows that reach back beyond what is held as it happened.</summary>
    private void ReadPast(int timeline, in WindowRange range, ImmutableArray<(FeaturePlan Feature, int Output)> features, EventTime knownAt, Span<FeatureValue> values)
    {
        ref Timeline events = ref Of(timeline);
        RowLayout rows = _layout.Timelines[timeline];
        foreach ((FeaturePlan feature, int output) in features)
        {
            values[output] = range.Coverage == Coverage.Gone || events.Past is not { } past
                ? FeatureValue.OutsideRetention
                : OrDefault(past.Read(feature, range, new TimelineReader(events, rows, knownAt.Micros), rows, knownAt), feature);
        }
    }
}
