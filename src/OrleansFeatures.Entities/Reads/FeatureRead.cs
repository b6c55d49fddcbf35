using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Entities.Reads;

/// <summary>From which state an entity answered; all zero for an entity never seen.</summary>
public readonly record struct EntityStamp(long StateVersion, long LastEventTimeMicros);

/// <summary>
/// A read of many entity rows: what is asked, and room for the answer. The gateway fills the questions, a host fills what entities answer, and the rest of the answer,
/// on-demand features, follows from both.
/// <code>
///   row r, entity type e of the selection:    Keys[r * entities + e], Stamps[r * entities + e]
///   row r, request field c of the selection:  Context[r * request fields + c]
///   row r, feature f of the selection:        Values[r * features + f]
///   row r, column a of the selection:         Answer(r, 1)[a]
/// </code>
/// With <see cref="Partial"/> a row that cannot be answered is given up, and its neighbours are answered; without it, such a row fails the read.
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
        Context = selection.RequestFields.IsEmpty ? [] : new Value[rows * selection.RequestFields.Length];
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

    /// <summary>UTC; when nobody waits for the answer any more. Cancellation tells this process so; other processes that are asked on its behalf are told beforehand.</summary>
    public DateTime Deadline { get; init; } = DateTime.MaxValue;

    /// <summary>Null for a read that is answered whole or fails.</summary>
    public PartialRows? Partial { get; init; }

    /// <summary>What the request itself brings for on-demand features.</summary>
    public Value[] Context { get; }

    /// <summary>What entities answer: by <see cref="Selection.Features"/>, which are not the columns of the answer where there are on-demand features.</summary>
    public FeatureValue[] Values { get; }

    public EntityStamp[] Stamps { get; }

    /// <summary>
    /// Rows of the answer by <see cref="Selection.Columns"/>, once a host has filled them. Costs nothing where the selection is plain; else a new array, and an evaluation for each
    /// on-demand value.
    /// </summary>
    public ReadOnlySpan<FeatureValue> Answer(int firstRow, int rows)
    {
        int features = Selection.Features.Length;
        ReadOnlySpan<FeatureValue> values = Values.AsSpan(firstRow * features, rows * features);
        return Selection.IsPlain ? values : ComputeOnDemand(values, firstRow, rows);
    }

    public ReadOnlySpan<byte> KeyOf(int row, int entity) => Keys[(row * Selection.Entities.Length) + entity].Span;

    /// <summary>The places of an entity's features in a row, for an entity whose features stand side by side (<see cref="EntityRead.Run"/>). Whoever writes them there sets <see cref="StampOf"/> too.</summary>
    public Span<FeatureValue> RoomOf(int row, EntityRead entity) => Values.AsSpan((row * Selection.Features.Length) + entity.Run, entity.Positions.Length);

    public ref EntityStamp StampOf(int row, int entity) => ref Stamps[(row * Selection.Entities.Length) + entity];

    /// <summary>Puts one entity's answer into its places of the row.</summary>
    public void Store(int row, int entity, ReadOnlySpan<FeatureValue> values, EntityStamp stamp)
    {
        Span<FeatureValue> rowValues = Values.AsSpan(row * Selection.Features.Length, Selection.Features.Length);
        var positions = Selection.Entities[entity].Positions;
        for (int index = 0; index < positions.Length; index++)
        {
            rowValues[positions[index]] = values[index];
        }

        StampOf(row, entity) = stamp;
    }

    /// <summary>A row of a partial read is not answered: every cell of it says INVALID, also those that had been read.</summary>
    public void GiveUp(int row, RowOutcome why)
    {
        (Partial ?? throw new InvariantException($"row {row} of a read that is answered whole is given up")).Note(row, why);
        Values.AsSpan(row * Selection.Features.Length, Selection.Features.Length).Clear();
        Stamps.AsSpan(row * Selection.Entities.Length, Selection.Entities.Length).Clear();
    }

    /// <summary>The time of a partial read is over: rows from this one on that were not given up before are now.</summary>
    public void GiveUpFrom(int row)
    {
        for (; row < Rows; row++)
        {
            if (!Partial!.IsGivenUp(row))
            {
                GiveUp(row, RowOutcome.OutOfTime);
            }
        }
    }

    private FeatureValue[] ComputeOnDemand(ReadOnlySpan<FeatureValue> values, int firstRow, int rows)
    {
        int features = Selection.Features.Length;
        int context = Selection.RequestFields.Length;
        var columns = Selection.Columns;
        var answer = new FeatureValue[rows * columns.Length];
        var scratch = new Value[Selection.OnDemand.Max(one => one.FieldCount)];
        for (int row = 0; row < rows; row++)
        {
            if (Partial?.IsGivenUp(firstRow + row) is true)
            {
                continue; // INVALID in every column, also where only the request was needed.
            }

            ReadOnlySpan<FeatureValue> rowValues = values.Slice(row * features, features);
            ReadOnlySpan<Value> rowContext = Context.AsSpan((firstRow + row) * context, context);
            for (int column = 0; column < columns.Length; column++)
            {
                AnswerColumn one = columns[column];
                answer[(row * columns.Length) + column] = one.Feature >= 0 ? rowValues[one.Feature] : Selection.OnDemand[one.OnDemand].Compute(rowValues, rowContext, scratch);
            }
        }

        return answer;
    }
}
