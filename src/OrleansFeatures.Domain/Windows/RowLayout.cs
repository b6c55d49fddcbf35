using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// What all entities of one type in one partition share about the rows of one timeline: the columns, the shapes that their chunks have come to need, and the memory.
/// A row is a span of 64-bit cells:
/// <code>
///   [ time ][ arrival ][ until ][ flags ][ id ][ column 0 ][ column 1 ] ...
/// </code>
/// <c>until</c> is the arrival of the correction that superseded the row, counted backwards from the end of time, so that it is zero for a row that stands.
/// Texts, ids included, are codes of the <see cref="TextPool"/>; a null is a zero, told from a zero by its flag.
/// </summary>
internal sealed class RowLayout
{
    public const int Time = 0;
    public const int Arrival = 1;
    public const int Until = 2;
    public const int Flags = 3;
    public const int Id = 4;
    public const int FirstColumn = 5;

    private readonly Dictionary<string, ChunkShape> _byColumns = [];
    private readonly Dictionary<string, ChunkShape>.AlternateLookup<ReadOnlySpan<char>> _byKey;
    private readonly List<ChunkShape> _shapes = [];
    private readonly bool[] _isTime;
    private readonly bool[] _isText;
    private readonly int[] _textCells;
    private readonly Value[] _values;

    public RowLayout(TimelinePlan plan, StateMemory memory)
    {
        Plan = plan;
        Memory = memory;
        HasTextId = plan.Stream.HasTextIds;
        CellCount = FirstColumn + plan.Columns.Length;
        _isTime = new bool[CellCount];
        _isTime[Time] = _isTime[Arrival] = true;
        for (int column = 0; column < plan.Columns.Length; column++)
        {
            _isTime[FirstColumn + column] = plan.Columns[column].Type == FieldType.Timestamp;
        }

        _textCells = [.. TextCellsOf(plan)];
        _isText = new bool[CellCount];
        foreach (int cell in _textCells)
        {
            _isText[cell] = true;
        }

        Decoded = new long[CellCount * (Limits.ChunkRowsMax + 1)];
        _byKey = _byColumns.GetAlternateLookup<ReadOnlySpan<char>>();
        ColumnShape[] whole = new ColumnShape[CellCount];
        Array.Fill(whole, ColumnShape.Whole);
        ShapeOf(whole);
        SummaryPlan = SummaryPlan.For(plan);
        _values = new Value[plan.Columns.Length];
        Current = ShapeOf(FirstShape(plan));
    }

    public TimelinePlan Plan { get; }

    /// <summary>What sums of these rows keep.</summary>
    public SummaryPlan SummaryPlan { get; }

    public StateMemory Memory { get; }

    public bool HasTextId { get; }

    public int CellCount { get; }

    /// <summary>Cells that hold codes of texts.</summary>
    public ReadOnlySpan<int> TextCells => _textCells;

    /// <summary>What the newest chunk was packed as: the first guess for the next.</summary>
    public ChunkShape Current { get; set; }

    /// <summary>Room to unpack a chunk and one more row, column by column.</summary>
    public long[] Decoded { get; }

    public ChunkShape this[ushort id] => _shapes[id];

    /// <summary>The same where the number may be of a block that is no chunk any more.</summary>
    public ChunkShape? ShapeOf(ushort id) => id < _shapes.Count ? _shapes[id] : null;

    /// <summary>What the codes of a column count from, given its first value. Codes of texts are small already, and a null among them must stay zero.</summary>
    public long BaseOf(int cell, long first) => _isText[cell] ? 0 : first;

    public bool IsText(int cell) => _isText[cell];

    /// <summary>How codes of texts are packed that are loaded: as small as they are.</summary>
    public ColumnShape FitTexts(ReadOnlySpan<long> codes, int cell) => Fit(codes, cell);

    /// <summary>Whether a cell of a row with these flags is a null that may be kept as anything.</summary>
    public bool IsNull(int cell, long flags) => cell >= FirstColumn && !_isText[cell] && ((ulong)flags & Plan.Columns[cell - FirstColumn].NullBit) != 0;

    /// <summary>The order of (event time, event id).</summary>
    public int CompareIds(long left, long right) => HasTextId ? Memory.Texts.Compare(left, right) : left.CompareTo(right);

    /// <summary>A row as sums take it: values instead of codes. Valid until the next call.</summary>
    public SummaryRow SummaryRowOf(ReadOnlySpan<long> row)
    {
        for (int column = 0; column < _values.Length; column++)
        {
            ColumnPlan plan = Plan.Columns[column];
            long cell = row[FirstColumn + column];
            _values[column] = ((ulong)row[Flags] & plan.NullBit) != 0 ? Value.Null
                : plan.Type == FieldType.String ? Value.Of(Memory.Texts.Text(cell))
                : Value.FromBits(plan.Type, cell);
        }

        return new SummaryRow(row[Time], HasTextId ? EventId.Of(Memory.Texts.Text(row[Id])) : EventId.Of(row[Id]), (ulong)row[Flags], _values);
    }

    /// <summary>A row's texts are no longer held by it.</summary>
    public void Release(ReadOnlySpan<long> row)
    {
        foreach (int cell in _textCells)
        {
            Memory.Texts.Release(row[cell]);
        }
    }

    /// <summary>The tightest shape for these rows: <paramref name="cells"/> holds the columns one after another, <paramref name="rows"/> cells each, the first row's first.</summary>
    public ChunkShape Tightest(ReadOnlySpan<long> cells, int rows)
    {
        Span<ColumnShape> columns = stackalloc ColumnShape[CellCount];
        for (int cell = 0; cell < CellCount; cell++)
        {
            columns[cell] = Fit(cells.Slice(cell * rows, rows), cell);
        }

        return ShapeOf(columns);
    }

    /// <summary>The shape for chunks to come after one of this shape: corrections are rare, so they have no room for them.</summary>
    public ChunkShape WithoutCorrections(ChunkShape shape)
    {
        if (shape.Columns[Until].Width == 0)
        {
            return shape;
        }

        Span<ColumnShape> columns = stackalloc ColumnShape[CellCount];
        shape.Columns.CopyTo(columns);
        columns[Until] = ColumnShape.Zero;
        return ShapeOf(columns);
    }

    /// <summary>Doubles have no small differences, so they are not packed.</summary>
    private bool IsDouble(int cell) => cell >= FirstColumn && Plan.Columns[cell - FirstColumn].Type == FieldType.Double;

    private ColumnShape Fit(ReadOnlySpan<long> values, int cell)
    {
        if (!values.ContainsAnyExcept(0))
        {
            return ColumnShape.Zero;
        }

        if (!IsDouble(cell))
        {
            long @base = BaseOf(cell, values[0]);
            foreach (ColumnShape shape in _isTime[cell] ? TimeShapes : NumberShapes)
            {
                if (FitsAll(shape, values, @base))
                {
                    return shape;
                }
            }
        }

        return ColumnShape.Whole;
    }

    private static bool FitsAll(ColumnShape shape, ReadOnlySpan<long> values, long @base)
    {
        foreach (long value in values)
        {
            if (!shape.TryEncode(value, @base, out _))
            {
                return false;
            }
        }

        return true;
    }

    private static readonly ColumnShape[] NumberShapes = [new(1, 1), new(2, 1), new(4, 1)];
    private static readonly ColumnShape[] TimeShapes = [new(4, 1_000), new(4, 1_000_000), new(4, 1)];

    private static IEnumerable<int> TextCellsOf(TimelinePlan plan)
    {
        if (plan.Stream.HasTextIds)
        {
            yield return Id;
        }

        for (int column = 0; column < plan.Columns.Length; column++)
        {
            if (plan.Columns[column].Type == FieldType.String)
            {
                yield return FirstColumn + column;
            }
        }
    }

    /// <summary>What most streams turn out to need; a chunk that needs another says so and is packed anew.</summary>
    private static ColumnShape[] FirstShape(TimelinePlan plan) =>
    [
        new(4, 1_000), new(4, 1_000), ColumnShape.Zero, plan.Filters.IsEmpty ? ColumnShape.Zero : new(1, 1), new(4, 1),
        .. plan.Columns.Select(column => column.Type switch
        {
            FieldType.Double => ColumnShape.Whole,
            FieldType.Bool => new ColumnShape(1, 1),
            FieldType.Timestamp => new ColumnShape(4, 1_000),
            _ => new ColumnShape(4, 1),
        }),
    ];

    /// <summary>Equal packings share a shape, and nothing is allocated for one that is known. Where there would be too many, the one that holds everything serves.</summary>
    public ChunkShape ShapeOf(ReadOnlySpan<ColumnShape> columns)
    {
        Span<char> key = stackalloc char[columns.Length];
        for (int column = 0; column < columns.Length; column++)
        {
            key[column] = (char)((columns[column].Width << 8) | (columns[column].Unit == 1 ? 0 : columns[column].Unit == 1_000 ? 1 : 2));
        }

        if (_byKey.TryGetValue(key, out ChunkShape? shape))
        {
            return shape;
        }

        if (_shapes.Count == Limits.ChunkShapesMax)
        {
            return _shapes[0];
        }

        shape = new ChunkShape((ushort)_shapes.Count, columns.ToArray());
        _shapes.Add(shape);
        _byColumns[key.ToString()] = shape;
        return shape;
    }
}
