using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// A chunk as it is saved: as it is packed, without its unused room, and with texts instead of their codes.
/// <code>
///   [ rows : 1 ][ capacity : 1 ] then for each column
///   [ packing : 1 ][ base : 8, where the packing has one ][ the codes ]           packing = width + 16 x unit
///   texts: [ 15 ][ the rows' texts ]
/// </code>
/// The capacity is saved because an entity lets old events go when its chunk is full: it must come back as full as it went.
/// </summary>
internal readonly ref partial struct Chunk
{
    private const int Texts = 15;
    private const int UnitShift = 4;

    public void Save(StateWriter to, RowLayout layout, SavedTexts texts)
    {
        to.Byte((byte)Count);
        to.Byte((byte)Capacity);
        for (int column = 0; column < Shape.Columns.Length; column++)
        {
            ColumnShape shape = Shape.Columns[column];
            if (layout.IsText(column))
            {
                to.Byte(Texts);
                for (int row = 0; row < Count; row++)
                {
                    texts.Save(to, layout.Memory.Texts, this[column, row]);
                }

                continue;
            }

            to.Byte((byte)(shape.Width | (UnitNumber(shape.Unit) << UnitShift)));
            if (shape.HasBase)
            {
                to.Int64(Base(column));
            }

            to.Raw(MemoryMarshal.CreateReadOnlySpan(ref Codes(column), Count * shape.Width));
        }
    }

    /// <summary>A chunk that holds what was saved.</summary>
    /// <exception cref="StateFormatException">Nothing is held then.</exception>
    public static uint Load(RowLayout layout, ref StateReader from, LoadedTexts texts)
    {
        int rows = from.Byte();
        int capacity = from.Byte();
        if (rows < 1 || rows > capacity || capacity > Limits.ChunkRowsMax)
        {
            throw new StateFormatException($"a chunk of {rows} rows with room for {capacity}");
        }

        Span<long> cells = layout.Decoded.AsSpan(0, layout.CellCount * rows);
        Span<ColumnShape> shapes = stackalloc ColumnShape[layout.CellCount];
        Span<long> bases = stackalloc long[layout.CellCount];
        int column = 0;
        int row = 0;
        try
        {
            for (; column < layout.CellCount; column++)
            {
                Span<long> values = cells.Slice(column * rows, rows);
                int packing = from.Byte();
                if ((packing == Texts) != layout.IsText(column))
                {
                    throw new StateFormatException($"column {column} is packed as {packing}, which is not what its type is saved as");
                }

                if (packing == Texts)
                {
                    for (row = 0; row < rows; row++)
                    {
                        values[row] = texts.Load(ref from, layout.Memory.Texts);
                    }

                    row = 0;
                    shapes[column] = layout.FitTexts(values, column);
                }
                else
                {
                    shapes[column] = PackingOf(packing);
                    bases[column] = shapes[column].HasBase ? from.Int64() : 0;
                    Decode(shapes[column], bases[column], from.Raw(rows * shapes[column].Width), values);
                }
            }

            RequireOrder(cells[..rows]);
        }
        catch (StateFormatException)
        {
            ReleaseTexts(layout, cells, rows, column, row);
            throw;
        }

        return Build(layout, shapes, bases, cells, rows, capacity);
    }

    private static uint Build(RowLayout layout, ReadOnlySpan<ColumnShape> shapes, ReadOnlySpan<long> bases, ReadOnlySpan<long> cells, int rows, int capacity)
    {
        // Where too many shapes are known already, this is another one than was asked for: one that holds everything.
        ChunkShape shape = layout.ShapeOf(shapes);
        uint handle = Allocate(layout, shape, capacity);
        Chunk chunk = Open(layout, handle);
        for (int column = 0; column < shapes.Length; column++)
        {
            chunk.SetBase(column, bases[column]);
            for (int row = 0; row < rows; row++)
            {
                InvariantException.Require(shape.Columns[column].TryEncode(cells[(column * rows) + row], bases[column], out long code), "a loaded chunk does not fit its own packing");
                chunk.Write(column, row, code);
            }
        }

        chunk.SetCount(rows);
        return handle;
    }

    private static void Decode(ColumnShape shape, long @base, ReadOnlySpan<byte> codes, Span<long> values)
    {
        for (int row = 0; row < values.Length; row++)
        {
            long code = shape.Width switch
            {
                8 => Unsafe.ReadUnaligned<long>(ref Unsafe.AsRef(in codes[row * 8])),
                4 => Unsafe.ReadUnaligned<int>(ref Unsafe.AsRef(in codes[row * 4])),
                2 => Unsafe.ReadUnaligned<short>(ref Unsafe.AsRef(in codes[row * 2])),
                1 => (sbyte)codes[row],
                _ => 0,
            };
            values[row] = shape.Decode(code, @base);
            if (shape.HasBase && !shape.TryEncode(values[row], @base, out _))
            {
                throw new StateFormatException("a code that no value has");
            }
        }
    }

    private static ColumnShape PackingOf(int packing)
    {
        int width = packing & ((1 << UnitShift) - 1);
        int unit = (packing >> UnitShift) switch { 0 => 1, 1 => 1_000, 2 => 1_000_000, _ => 0 };
        return width is 0 or 1 or 2 or 4 or 8 && unit != 0 && (unit == 1 || width == 4)
            ? new ColumnShape((byte)width, unit)
            : throw new StateFormatException($"packing {packing} is none");
    }

    private static int UnitNumber(int unit) => unit switch { 1 => 0, 1_000 => 1, _ => 2 };

    private static void RequireOrder(ReadOnlySpan<long> times)
    {
        for (int row = 1; row < times.Length; row++)
        {
            if (times[row] < times[row - 1])
            {
                throw new StateFormatException("rows are not in the order of time");
            }
        }
    }

    /// <summary>Lets the texts go of columns that were read, and of the rows of the one that was being read.</summary>
    private static void ReleaseTexts(RowLayout layout, ReadOnlySpan<long> cells, int rows, int columns, int rowsOfLast)
    {
        foreach (int cell in layout.TextCells)
        {
            int read = cell < columns ? rows : cell == columns ? rowsOfLast : 0;
            for (int row = 0; row < read; row++)
            {
                layout.Memory.Texts.Release(cells[(cell * rows) + row]);
            }
        }
    }
}
