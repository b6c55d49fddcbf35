using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests;

/// <summary>
/// Drives the domain as a host does, without one: knows what stands of each event id, encodes each event for every entity type that its stream feeds, and applies the
/// bytes to that entity's state.
/// </summary>
internal sealed class EventFeed(Catalog catalog)
{
    private readonly EventRecordWriter _writer = new();
    private readonly Dictionary<(string Entity, string Key), EntityState> _states = [];
    private readonly Dictionary<string, EntityLayout> _layouts = [];
    private readonly Dictionary<(string Stream, Value Id), Value[]?> _standing = [];
    private readonly Dictionary<string, long> _streamTimes = [];
    private readonly WindowScratch _scratch = new();
    private readonly Bed _bed = new();
    private int _applied;

    /// <summary>Whether old events leave, as in live state; false as in a training query.</summary>
    public bool Forgets { get; init; } = true;

    /// <summary>An entity is saved and loaded again after every so many records; 0 for never.</summary>
    public int SleepsEvery { get; init; }

    /// <summary>Whether the last correction was refused before it reached any state.</summary>
    public bool Refused { get; private set; }

    public StateMemory Memory { get; } = new();

    /// <summary>Whether <see cref="Records"/> are kept.</summary>
    public bool RecordsKept { get; init; }

    /// <summary>Every record that was applied, with the key of its entity.</summary>
    public List<(string Key, byte[] Bytes)> Records { get; } = [];

    /// <summary>Stream time as records carry it: the newest event time that came on a stream.</summary>
    public long StreamTimeOf(string stream) => _streamTimes.GetValueOrDefault(stream, EventRecord.NoStreamTime);

    /// <summary>An insert that arrived at the beginning of time.</summary>
    public ApplyResult Push(string streamName, params ReadOnlySpan<Value> fields) => Push(streamName, EventArrival.Insert(EventTime.Epoch), fields);

    /// <summary>A record as it is, to its entities.</summary>
    public ApplyResult Push(string streamName, in EventArrival arrival, params ReadOnlySpan<Value> fields)
    {
        StreamPlan stream = catalog.Stream(streamName)!;
        EventCheck.Refuse(stream, stream.Version(0)!, fields).ShouldBeNull();
        return Write(stream, arrival, fields, default);
    }

    /// <summary>
    /// What the intake makes of an event: an insert goes to its entities (an exact copy of what stands as well, which they must know), and not if its id is taken; an upsert goes to its entities with the version that it
    /// corrects, and a retraction to those that the event no longer concerns; a delete of an event that stands to where it is. A correction without anything to correct is an insert, or nothing;
    /// one of what is in sums only is refused.
    /// </summary>
    public ApplyResult Send(string streamName, EventOperation operation, long arrival, params ReadOnlySpan<Value> fields)
    {
        StreamPlan stream = catalog.Stream(streamName)!;
        StreamVersion version = stream.Version(0)!;
        (string, Value) id = (streamName, fields[version.IdPosition]);
        Refused = false;
        Value[]? previous = _standing.GetValueOrDefault(id);
        if (operation == EventOperation.Delete)
        {
            Refused = previous is null;
            if (previous is null)
            {
                return ApplyResult.NotHere;
            }

            Refused = IsSummed(stream, previous);
            if (Refused)
            {
                return ApplyResult.NotHere;
            }

            _standing[id] = null;
            return Write(stream, new EventArrival(new EventTime(arrival), StreamTimeOf(streamName), operation, VersionOf(version, previous)), previous, default);
        }

        EventCheck.Refuse(stream, version, fields).ShouldBeNull();
        Value[] now = fields.ToArray();
        bool isKnown = _standing.ContainsKey(id);
        long time = now[version.TimePosition].Bits;
        bool isSummed = previous is not null && IsSummed(stream, previous);
        if (operation == EventOperation.Insert && isKnown && (isSummed || !(previous ?? []).AsSpan().SequenceEqual(now)))
        {
            return ApplyResult.Duplicate;
        }

        Refused = operation == EventOperation.Upsert && isSummed;
        if (Refused)
        {
            return ApplyResult.NotHere;
        }

        if (operation == EventOperation.Upsert || !isKnown)
        {
            _standing[id] = now;
            _streamTimes[streamName] = Math.Max(StreamTimeOf(streamName), time);
        }

        EventVersion corrects = operation == EventOperation.Upsert && previous is not null ? VersionOf(version, previous) : EventVersion.None;
        return Write(stream, new EventArrival(new EventTime(arrival), StreamTimeOf(streamName), operation, corrects), now, corrects == EventVersion.None ? default : previous);
    }

    /// <summary>All features of the entity, by reference.</summary>
    public Dictionary<string, FeatureValue> Read(string entity, EventTime asOf, params ReadOnlySpan<Value> key)
    {
        Selection selection = catalog.AllOf(entity)!;
        FeatureValue[] values = Read(selection, asOf, key);
        return selection.Features.Select((feature, index) => (feature.Reference, values[index])).ToDictionary();
    }

    public Selection Select(params string[] references) => catalog.Select(references, out string unknown) ?? throw new ArgumentException($"there is no feature '{unknown}'", nameof(references));

    public FeatureValue[] Read(Selection selection, EventTime asOf, params ReadOnlySpan<Value> key) => Read(selection, asOf, EventTime.Never, key);

    public FeatureValue[] Read(Selection selection, EventTime asOf, EventTime knownAt, params ReadOnlySpan<Value> key)
    {
        EntityRead read = selection.Entities[0];
        var values = new FeatureValue[selection.Features.Length];
        if (StateOf(read.Entity.Name, key) is { } state)
        {
            state.Read(read.Plan, asOf, knownAt, values, _scratch);
        }
        else
        {
            EntityState.ReadUnknown(read.Plan, values);
        }

        return values;
    }

    /// <summary>All states, in the order of their entities' first events.</summary>
    public IEnumerable<EntityState> States => _states.Values;

    /// <summary>Every state becomes what the other feed's is, by way of what it saves.</summary>
    public void TakeOver(EventFeed other)
    {
        foreach (((string Entity, string Key) key, EntityState state) in other._states)
        {
            _states[key].Release();
            _states[key] = other._bed.Load(LayoutOf(catalog.Entity(key.Entity)!), other._bed.Save(state));
        }
    }

    /// <summary>The entity's state; null before its first event.</summary>
    public EntityState? StateOf(string entity, params ReadOnlySpan<Value> key) => _states.GetValueOrDefault((entity, KeyText(key)));

    /// <summary>Whether the version is in sums only, in some entity, so that it cannot be taken back.</summary>
    private bool IsSummed(StreamPlan stream, Value[] fields) => stream.Feeds.Any(feed =>
        _states.TryGetValue((feed.Entity.Name, KeyOf(feed, fields)), out EntityState? state)
        && state.PresenceOf(feed.Entity.Timelines.ToList().FindIndex(plan => plan.Stream == stream), fields[stream.TimePosition].Time) == Presence.Summed);

    private static EventVersion VersionOf(StreamVersion version, Value[] fields) => new(fields[version.TimePosition].Bits, 1);

    private ApplyResult Write(StreamPlan stream, in EventArrival arrival, ReadOnlySpan<Value> fields, ReadOnlySpan<Value> retracted)
    {
        StreamVersion version = stream.Version(0)!;
        _writer.WriteBody(stream, version, fields, arrival, "producer"u8);
        ApplyResult result = ApplyResult.Applied;
        for (int index = 0; index < stream.Feeds.Length; index++)
        {
            StreamFeed feed = stream.Feeds[index];
            bool moves = !retracted.IsEmpty && KeyOf(feed, retracted) != KeyOf(feed, fields);
            if (moves)
            {
                _writer.WriteHead(feed, Encoding.Latin1.GetBytes(KeyOf(feed, retracted)), primary: false, retracts: true);
                Apply(stream, feed);
            }

            _writer.WriteHead(feed, Encoding.Latin1.GetBytes(KeyOf(feed, fields)), primary: index == 0, isNewHere: moves);
            result = Apply(stream, feed);
        }

        return result;
    }

    private ApplyResult Apply(StreamPlan stream, StreamFeed feed)
    {
        byte[] bytes = [.. _writer.Head, .. _writer.Body];
        EventRecord record = EventRecord.Parse(bytes);
        int timeline = feed.Entity.Timelines.ToList().FindIndex(plan => plan.Stream == stream);
        string key = Encoding.Latin1.GetString(record.Key);
        if (RecordsKept)
        {
            Records.Add((key, bytes));
        }

        if (!_states.TryGetValue((feed.Entity.Name, key), out EntityState? state))
        {
            _states[(feed.Entity.Name, key)] = state = new EntityState(LayoutOf(feed.Entity));
        }

        ApplyResult result = state.Apply(timeline, record);
        if (SleepsEvery > 0 && ++_applied % SleepsEvery == 0)
        {
            _states[(feed.Entity.Name, key)] = _bed.Wake(LayoutOf(feed.Entity), state);
        }

        return result;
    }

    private static string KeyOf(StreamFeed feed, ReadOnlySpan<Value> fields)
    {
        Value[] all = fields.ToArray();
        return KeyText([.. feed.KeyPositions.Select(position => all[position])]);
    }

    /// <summary>An entity's key as the records' is told.</summary>
    public static string KeyText(params ReadOnlySpan<Value> key)
    {
        byte[] bytes = new byte[EntityKeyEncoding.BytesMax];
        int length = 0;
        foreach (Value field in key)
        {
            length += EntityKeyEncoding.Append(bytes.AsSpan(length), field);
        }

        return Encoding.Latin1.GetString(bytes, 0, length);
    }

    private EntityLayout LayoutOf(EntityPlan entity)
    {
        if (!_layouts.TryGetValue(entity.Name, out EntityLayout? layout))
        {
            _layouts[entity.Name] = layout = new EntityLayout(entity, Memory, Forgets);
        }

        return layout;
    }
}
