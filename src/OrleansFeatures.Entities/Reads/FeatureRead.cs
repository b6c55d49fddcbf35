using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Entities.Reads;

/// <summary>From which state an entity answered; all zero for an entity never seen.</summary>
public readonly record struct EntityStamp(long StateVersion, long LastEventTimeMicros);

/// <summary>
/// A read of many entity rows: what is asked, and room for the answer. The gateway fills the questions, a host fills the answers.
/// <code>
///   row r, entity type e of the selection:  Keys[r * entities + e], Stamps[r * entities + e]
///   row r, feature f of the selection:      Values[r * features + f]
/// </code>
/// </summary>
public sealed class FeatureRead
{
    public FeatureRead(Selection selection, int rows)
    {
        Selection = selection;
        Rows = rows;
        Keys = new ReadOnlyMemory<byte>[rows * selection.Entities.Length];
        AsOf = new EventTime[rows];
        KnownAt = new EventTime[rows];
        Array.Fill(KnownAt, EventTime.Never);
        Values = new FeatureValue[rows * selection.Features.Length];
        Stamps = new EntityStamp[rows * selection.Entities.Length];
    }

    public Selection Selection { get; }

    public int Rows { get; }

    /// <summary>Entity keys as <see cref="EntityKeyEncoding"/> writes them.</summary>
    public ReadOnlyMemory<byte>[] Keys { get; }

    /// <summary>By row.</summary>
    public EventTime[] AsOf { get; }

    /// <summary>By row: what arrived later is not looked at. <see cref="EventTime.Never"/>, everything known today, unless it is set.</summary>
    public EventTime[] KnownAt { get; }

    public FeatureValue[] Values { get; }

    public EntityStamp[] Stamps { get; }

    public ReadOnlySpan<byte> KeyOf(int row, int entity) => Keys[(row * Selection.Entities.Length) + entity].Span;

    /// <summary>Puts one entity's answer into its places of the row.</summary>
    public void Store(int row, int entity, ReadOnlySpan<FeatureValue> values, EntityStamp stamp)
    {
        Span<FeatureValue> rowValues = Values.AsSpan(row * Selection.Features.Length, Selection.Features.Length);
        var positions = Selection.Entities[entity].Positions;
        for (int index = 0; index < positions.Length; index++)
        {
            rowValues[positions[index]] = values[index];
        }

        Stamps[(row * Selection.Entities.Length) + entity] = stamp;
    }
}
