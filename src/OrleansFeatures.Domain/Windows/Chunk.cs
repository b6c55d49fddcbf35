using System.Runtime.CompilerServices;
using OrleansFeatures.Domain.Memory;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// Up to <see cref="Limits.ChunkRowsMax"/> rows of one entity, sorted by (event time, event id, arrival), column after column in one block of slab memory
/// (<see cref="ChunkShape"/> draws it). Columns are packed: a number is its distance from the chunk's base in as few bytes as all rows of the chunk allow, so a row of
/// a time, an arrival, an id and a double takes 20 bytes. A value that does not fit makes the chunk be packed anew, which is rare, because the next chunk begins with what the last one needed.
/// This is a view; it must not be used after a call that changes the chunk.
/// </summary>
internal readonly ref partial struct Chunk
{
    /// <summary>Rows of a new entity's chunk.</summary>
    public const int FirstCapacity = 4;

    /// <summary>Room that a chunk keeps when it gives room back, so that the next few events do not ask for it again.</summary>
    private const int SpareRows = 2;

    private readonly ref byte _start;

    private Chunk(ref byte start, ChunkShape shape)
    {
        _start = ref start;
        Shape = shape;
    }

    public ChunkShape Shape { get; }

    public int Count => Unsafe.Add(ref _start, 2);

    public int Capacity => Unsafe.Add(ref _start, 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Chunk Open(RowLayout layout, uint handle)
    {
        ref byte start = ref layout.Memory.Slabs.At(handle);
        return new Chunk(ref start, layout[Unsafe.ReadUnaligned<ushort>(ref start)]);
    }

    /// <summary>A new chunk of one row, which takes over the row's texts.</summary>
    public static uint Create(RowLayout layout, ReadOnlySpan<long> row, int capacity)
    {
        uint handle = Allocate(layout, layout.Current, capacity);
        Chunk chunk = Open(layout, handle);
        for (int column = 0; column < row.Length; column++)
        {
            chunk.SetBase(column, layout.BaseOf(column, row[column]));
        }

        Insert(layout, ref handle, 0, row);
        return handle;
    }

    /// <summary>
    /// Inserts a row, which the chunk takes over with its texts. The chunk may move: <paramref name="handle"/> says where to. It must not be full.
    /// </summary>
    public static void Insert(RowLayout layout, ref uint handle, int at, ReadOnlySpan<long> row)
    {
        Chunk chunk = Open(layout, handle);
        if (chunk.Count == chunk.Capacity)
        {
            Resize(layout, ref handle, NextCapacity(chunk.Capacity));
            chunk = Open(layout, handle);
        }

        if (at < chunk.Count ? chunk.TryInsert(layout, at, row) : chunk.TryWrite(layout, at, row))
        {
            chunk.SetCount(chunk.Count + 1);
        }
        else
        {
            Repack(layout, ref handle, row);
            layout.Current = layout.WithoutCorrections(Open(layout, handle).Shape);
            Insert(layout, ref handle, at, row);
        }
    }

    /// <summary>Gives the newer rows from <paramref name="from"/> on to a new chunk.</summary>
    public static uint Split(RowLayout layout, uint handle, int from, int capacity)
    {
        Chunk chunk = Open(layout, handle);
        uint newer = Allocate(layout, chunk.Shape, capacity);
        Chunk to = Open(layout, newer);
        int moved = chunk.Count - from;
        for (int column = 0; column < chunk.Shape.Columns.Length; column++)
        {
            int width = chunk.Shape.Columns[column].Width;
            to.SetBase(column, chunk.Base(column));
            Unsafe.CopyBlockUnaligned(ref to.Codes(column), ref Unsafe.Add(ref chunk.Codes(column), from * width), (uint)(moved * width));
        }

        to.SetCount(moved);
        chunk.SetCount(from);
        return newer;
    }

    /// <summary>Takes the oldest rows out. Their texts have been released.</summary>
    public void DropFirst(int rows)
    {
        int left = Count - rows;
        for (int column = 0; column < Shape.Columns.Length; column++)
        {
            int width = Shape.Columns[column].Width;
            ref byte codes = ref Codes(column);
            Move(ref codes, rows * width, 0, left * width);
        }

        SetCount(left);
    }

    /// <summary>Returns the block; the rows' texts have been released.</summary>
    public static void Free(RowLayout layout, uint handle)
    {
        Chunk chunk = Open(layout, handle);
        layout.Memory.Slabs.Free(handle, chunk.Shape.Bytes(chunk.Capacity));
    }

    public int Bytes => SlabMemory.Rounded(Shape.Bytes(Capacity));

    public long this[int column, int row]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            ColumnShape shape = Shape.Columns[column];
            ref byte codes = ref Codes(column);
            return shape.Width switch
            {
                8 => Unsafe.ReadUnaligned<long>(ref Unsafe.Add(ref codes, row * 8)),
                4 => Base(column) + ((long)Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref codes, row * 4)) * shape.Unit),
                2 => Base(column) + Unsafe.ReadUnaligned<short>(ref Unsafe.Add(ref codes, row * 2)),
                1 => Base(column) + (sbyte)Unsafe.Add(ref codes, row),
                _ => 0,
            };
        }
    }

    public long FirstTime => this[RowLayout.Time, 0];

    public long LastTime => this[RowLayout.Time, Count - 1];

    /// <summary>Unpacks rows [from, to) of a column.</summary>
    public void Read(int column, int from, int to, Span<long> values)
    {
        ColumnShape shape = Shape.Columns[column];
        ref byte codes = ref Codes(column);
        long @base = shape.HasBase ? Base(column) : 0;
        long unit = shape.Unit;
        switch (shape.Width)
        {
            case 8:
                for (int row = from; row < to; row++)
                {
                    values[row - from] = Unsafe.ReadUnaligned<long>(ref Unsafe.Add(ref codes, row * 8));
                }

                break;
            case 4:
                for (int row = from; row < to; row++)
                {
                    values[row - from] = @base + (Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref codes, row * 4)) * unit);
                }

                break;
            case 2:
                for (int row = from; row < to; row++)
                {
                    values[row - from] = @base + Unsafe.ReadUnaligned<short>(ref Unsafe.Add(ref codes, row * 2));
                }

                break;
            case 1:
                for (int row = from; row < to; row++)
                {
                    values[row - from] = @base + (sbyte)Unsafe.Add(ref codes, row);
                }

                break;
            default:
                values[..(to - from)].Clear();
                break;
        }
    }

    /// <summary>One row, column by column.</summary>
    public void ReadRow(int row, Span<long> cells)
    {
        for (int column = 0; column < cells.Length; column++)
        {
            cells[column] = this[column, row];
        }
    }

    /// <summary>Columns of whole values, without unpacking; the column's width must be 8.</summary>
    public ReadOnlySpan<long> Whole(int column, int from, int to) =>
        System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, long>(ref Unsafe.Add(ref Codes(column), from * 8)), to - from);

    /// <summary>How many rows have a time at or before <paramref name="time"/>.</summary>
    public int CountThrough(long time)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = this[RowLayout.Time, middle] <= time ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>How many rows come at or before (time, id), superseded ones of the same time and id included.</summary>
    public int CountThrough(RowLayout layout, long time, long id)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = Compare(layout, middle, time, id) <= 0 ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>The order of a row and (time, id): negative when the row comes first.</summary>
    public int Compare(RowLayout layout, int row, long time, long id)
    {
        int byTime = this[RowLayout.Time, row].CompareTo(time);
        return byTime != 0 ? byTime : layout.CompareIds(this[RowLayout.Id, row], id);
    }

    /// <summary>Asks for the lines that the next row at the end will be written to.</summary>
    public static void WarmEnd(RowLayout layout, uint handle)
    {
        ref byte start = ref layout.Memory.Slabs.At(handle);
        if (layout.ShapeOf(Unsafe.ReadUnaligned<ushort>(ref start)) is { } shape)
        {
            new Chunk(ref start, shape).WarmEnd();
        }
    }

    private void WarmEnd()
    {
        foreach (int column in Shape.Stored)
        {
            Prefetch.Line(ref Unsafe.Add(ref Codes(column), Count * Shape.Columns[column].Width));
        }
    }

    /// <summary>Changes one cell; false where its shape cannot hold the value, and then nothing has changed.</summary>
    public bool TrySet(int column, int row, long value)
    {
        ColumnShape shape = Shape.Columns[column];
        if (!shape.TryEncode(value, shape.HasBase ? Base(column) : 0, out long code))
        {
            return false;
        }

        Write(column, row, code);
        return true;
    }

    /// <summary>Changes one cell, packing the chunk anew where its shape cannot hold the value.</summary>
    public static void Set(RowLayout layout, ref uint handle, int column, int row, long value)
    {
        if (!Open(layout, handle).TrySet(column, row, value))
        {
            Span<long> cells = stackalloc long[layout.CellCount];
            Open(layout, handle).ReadRow(row, cells);
            cells[column] = value;
            Repack(layout, ref handle, cells);
            InvariantException.Require(Open(layout, handle).TrySet(column, row, value), "a chunk packed for a value cannot hold it");
        }
    }

    /// <summary>More room in small steps while a chunk is small: most entities are sparse, and their unused rows would be most of their memory.</summary>
    public static int NextCapacity(int capacity) => capacity switch { < 24 => capacity + 4, < 32 => 32, < 48 => 48, _ => Limits.ChunkRowsMax };

    /// <summary>Gives room back after rows have left: the chunk of a sparse entity follows what it retains down as well as up, and moves where its neighbours are.</summary>
    public static void Tighten(RowLayout layout, ref uint handle)
    {
        Chunk chunk = Open(layout, handle);
        int capacity = chunk.Capacity;
        int wanted = FirstCapacity;
        while (wanted < Math.Min(chunk.Count + SpareRows, Limits.ChunkRowsMax))
        {
            wanted = NextCapacity(wanted);
        }

        if (wanted < capacity || layout.Memory.Slabs.IsThin(handle, chunk.Shape.Bytes(capacity)))
        {
            Resize(layout, ref handle, Math.Min(wanted, capacity));
        }
    }

    private static uint Allocate(RowLayout layout, ChunkShape shape, int capacity)
    {
        uint handle = layout.Memory.Slabs.Allocate(shape.Bytes(capacity));
        ref byte start = ref layout.Memory.Slabs.At(handle);
        Unsafe.WriteUnaligned(ref start, shape.Id);
        Unsafe.Add(ref start, 2) = 0;
        Unsafe.Add(ref start, 3) = (byte)capacity;
        return handle;
    }

    private static void Resize(RowLayout layout, ref uint handle, int capacity)
    {
        Chunk old = Open(layout, handle);
        uint resized = Allocate(layout, old.Shape, capacity);
        Chunk chunk = Open(layout, resized);
        Unsafe.CopyBlockUnaligned(ref Unsafe.Add(ref chunk._start, ChunkShape.HeadBytes), ref Unsafe.Add(ref old._start, ChunkShape.HeadBytes), (uint)(old.Shape.CodesAt - ChunkShape.HeadBytes));
        for (int column = 0; column < old.Shape.Columns.Length; column++)
        {
            Unsafe.CopyBlockUnaligned(ref chunk.Codes(column), ref old.Codes(column), (uint)(old.Count * old.Shape.Columns[column].Width));
        }

        chunk.SetCount(old.Count);
        Free(layout, handle);
        handle = resized;
    }

    /// <summary>Packs the chunk in the tightest shape that its rows and one more allow.</summary>
    private static void Repack(RowLayout layout, ref uint handle, ReadOnlySpan<long> with)
    {
        Chunk old = Open(layout, handle);
        int count = old.Count;
        Span<long> cells = layout.Decoded.AsSpan(0, layout.CellCount * (count + 1));
        for (int column = 0; column < layout.CellCount; column++)
        {
            old.Read(column, 0, count, cells.Slice(column * (count + 1), count));
            cells[(column * (count + 1)) + count] = with[column];
        }

        ChunkShape shape = layout.Tightest(cells, count + 1);
        uint packed = Allocate(layout, shape, old.Capacity);
        Chunk chunk = Open(layout, packed);
        for (int column = 0; column < layout.CellCount; column++)
        {
            Span<long> values = cells.Slice(column * (count + 1), count + 1);
            long @base = layout.BaseOf(column, values[0]);
            chunk.SetBase(column, @base);
            for (int row = 0; row < count; row++)
            {
                InvariantException.Require(shape.Columns[column].TryEncode(values[row], @base, out long code), "a chunk does not fit the shape that was made for it");
                chunk.Write(column, row, code);
            }
        }

        chunk.SetCount(count);
        Free(layout, handle);
        handle = packed;
    }

    /// <summary>Writes a row behind the last, where nobody reads yet; false where the shape cannot hold it. The count is left to the caller.</summary>
    private bool TryWrite(RowLayout layout, int at, ReadOnlySpan<long> row)
    {
        ChunkShape shape = Shape;
        ReadOnlySpan<ColumnShape> columns = shape.Columns;
        foreach (int column in shape.Zero)
        {
            if (row[column] != 0 && !layout.IsNull(column, row[RowLayout.Flags]))
            {
                return false;
            }
        }

        foreach (int column in shape.Stored)
        {
            ColumnShape packing = columns[column];
            if (!packing.TryEncode(row[column], packing.HasBase ? Base(column) : 0, out long code))
            {
                // A null has no value to fit: whatever stands there is never looked at.
                if (!layout.IsNull(column, row[RowLayout.Flags]))
                {
                    return false;
                }

                code = 0;
            }

            Write(ref Codes(column), packing.Width, at, code);
        }

        return true;
    }

    /// <summary>As <see cref="TryWrite"/>, before other rows: it is written behind the last, where it does no harm if it does not fit, and then brought to its place.</summary>
    private bool TryInsert(RowLayout layout, int at, ReadOnlySpan<long> row)
    {
        int count = Count;
        if (!TryWrite(layout, count, row))
        {
            return false;
        }

        foreach (int column in Shape.Stored)
        {
            int width = Shape.Columns[column].Width;
            ref byte codes = ref Codes(column);
            long code = Unsafe.ReadUnaligned<long>(ref Widest(ref codes, width, count));
            Move(ref codes, at * width, (at + 1) * width, (count - at) * width);
            Write(ref codes, width, at, width == 8 ? code : code >> (64 - (8 * width)));
        }

        return true;
    }

    /// <summary>The eight bytes that end with a row's code. Those before it are the chunk's as well: a head, bases or other rows.</summary>
    private static ref byte Widest(ref byte codes, int width, int row) => ref Unsafe.Add(ref codes, ((row + 1) * width) - 8);

    private void Write(int column, int row, long code) => Write(ref Codes(column), Shape.Columns[column].Width, row, code);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(ref byte codes, int width, int row, long code)
    {
        switch (width)
        {
            case 8:
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref codes, row * 8), code);
                break;
            case 4:
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref codes, row * 4), (int)code);
                break;
            case 2:
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref codes, row * 2), (short)code);
                break;
            case 1:
                Unsafe.Add(ref codes, row) = (byte)code;
                break;
        }
    }

    private static void Move(ref byte codes, int from, int to, int bytes) =>
        System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref Unsafe.Add(ref codes, from), bytes)
            .CopyTo(System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref Unsafe.Add(ref codes, to), bytes));

    private void SetBase(int column, long value)
    {
        if (Shape.Columns[column].HasBase)
        {
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref _start, Shape.BaseAt(column)), value);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private long Base(int column) => Unsafe.ReadUnaligned<long>(ref Unsafe.Add(ref _start, Shape.BaseAt(column)));

    private void SetCount(int count) => Unsafe.Add(ref _start, 2) = (byte)count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref byte Codes(int column) => ref Unsafe.Add(ref _start, Shape.ColumnAt(column, Capacity));
}
