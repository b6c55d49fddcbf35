using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests;

/// <summary>
/// Drives the domain as a host does, without one: encodes each event for every entity type that its stream feeds, and applies the
/// bytes to that entity's state.
/// </summary>
internal sealed class EventFeed(Catalog catalog)
{
    private readonly EventRecordWriter _writer = new();
    private readonly Dictionary<(string Entity, string Key), EntityState> _states = [];
    private readonly Dictionary<string, EntityLayout> _layouts = [];
    private readonly StateMemory _memory = new();
    private readonly WindowScratch _scratch = new();

    public ApplyResult Push(string streamName, params ReadOnlySpan<Value> fields) => Push(streamName, EventArrival.Insert(EventTime.Epoch), fields);

    public ApplyResult Push(string streamName, in EventArrival arrival, params ReadOnlySpan<Value> fields)
    {
        StreamPlan stream = catalog.Stream(streamName)!;
        StreamVersion version = stream.Version(0)!;
        EventCheck.Refuse(stream, version, fields).ShouldBeNull();
        _writer.WriteBody(stream, version, fields, arrival, "producer"u8);
        ApplyResult result = ApplyResult.Applied;
        for (int index = 0; index < stream.Feeds.Length; index++)
        {
            StreamFeed feed = stream.Feeds[index];
            _writer.WriteHead(feed, version, fields, primary: index == 0);
            EventRecord record = EventRecord.Parse((byte[])[.. _writer.Head, .. _writer.Body]);
            int timeline = feed.Entity.Timelines.ToList().FindIndex(plan => plan.Stream == stream);
            result = StateOf(feed.Entity, record.Key).Apply(timeline, record);
        }

        return result;
    }

    /// <summary>All features of the entity, by reference.</summary>
    public Dictionary<string, FeatureValue> Read(string entity, EventTime asOf, params ReadOnlySpan<Value> key)
    {
        Selection selection = catalog.AllOf(entity)!;
        FeatureValue[] values = Read(selection, asOf, key);
        return selection.Features.Select((feature, index) => (feature.Reference, values[index])).ToDictionary();
    }

    public FeatureValue[] Read(Selection selection, EventTime asOf, params ReadOnlySpan<Value> key) => Read(selection, asOf, EventTime.Never, key);

    public FeatureValue[] Read(Selection selection, EventTime asOf, EventTime knownAt, params ReadOnlySpan<Value> key)
    {
        EntityRead read = selection.Entities[0];
        var values = new FeatureValue[selection.Features.Length];
        string name = KeyText(key);
        if (_states.TryGetValue((read.Entity.Name, name), out EntityState? state))
        {
            state.Read(read.Plan, asOf, knownAt, values, _scratch);
        }
        else
        {
            EntityState.ReadUnknown(read.Plan, values);
        }

        return values;
    }

    private static string KeyText(ReadOnlySpan<Value> key)
    {
        byte[] bytes = new byte[EntityKeyEncoding.BytesMax];
        int length = 0;
        foreach (Value field in key)
        {
            length += EntityKeyEncoding.Append(bytes.AsSpan(length), field);
        }

        return Encoding.Latin1.GetString(bytes, 0, length);
    }

    private EntityState StateOf(EntityPlan entity, ReadOnlySpan<byte> key)
    {
        string name = Encoding.Latin1.GetString(key);
        if (!_states.TryGetValue((entity.Name, name), out EntityState? state))
        {
            _states[(entity.Name, name)] = state = new EntityState(LayoutOf(entity));
        }

        return state;
    }

    /// <summary>Whether old events leave, as in live state; false as in a training query.</summary>
    public bool Forgets { get; init; } = true;

    private EntityLayout LayoutOf(EntityPlan entity)
    {
        if (!_layouts.TryGetValue(entity.Name, out EntityLayout? layout))
        {
            _layouts[entity.Name] = layout = new EntityLayout(entity, _memory, Forgets);
        }

        return layout;
    }
}
