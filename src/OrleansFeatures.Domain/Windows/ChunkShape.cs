using System.Runtime.CompilerServices;

namespace OrleansFeatures.Domain.Windows;

/// <summary>How one column of a chunk is packed.</summary>
/// <param name="Width">Bytes of a code: 0 (every value is zero), 1, 2, 4, or 8 (the value itself).</param>
/// <param name="Unit">What a code counts: 1, or for times 1,000 or 1,000,000 where all of a chunk's times are whole milliseconds or seconds apart.</param>
internal readonly record struct ColumnShape(byte Width, int Unit)
{
    public static readonly ColumnShape Zero = new(0, 1);
    public static readonly ColumnShape Whole = new(8, 1);

    /// <summary>Codes of 1 to 4 bytes count from a base that the chunk keeps.</summary>
    public bool HasBase => Width is > 0 and < 8;

    /// <summary>The code of a value, if it has one in this shape.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEncode(long value, long @base, out long code)
    {
        code = value;
        if (Width == 8)
        {
            return true;
        }

        if (Width == 0)
        {
            return value == 0;
        }

        long difference = unchecked(value - @base);
        if (((value ^ @base) & (value ^ difference)) < 0)
        {
            return false;
        }

        code = difference;
        if (Unit != 1)
        {
            // Two divisions by constants: the compiler makes multiplications of them.
            code = Unit == 1_000 ? difference / 1_000 : difference / 1_000_000;
            if (code * Unit != difference)
            {
                return false;
            }
        }

        return Width switch
        {
            4 => code == (int)code,
            2 => code == (short)code,
            _ => code == (sbyte)code,
        };
    }

    public long Decode(long code, long @base) => Width == 8 ? code : Width == 0 ? 0 : @base + (code * Unit);
}

/// <summary>
/// The packing of all columns of a chunk, and from it where everything lies. Shapes are shared: a chunk keeps only the number of its shape.
/// <code>
///   chunk   [ shape : 2 ][ rows : 1 ][ capacity : 1 ][ base : 8 per column that has one ][ codes of column 0 ][ codes of column 1 ] ...
/// </code>
/// </summary>
internal sealed class ChunkShape
{
    public const int HeadBytes = 4;
    private readonly ColumnShape[] _columns;
    private readonly ColumnPlace[] _places;
    private readonly int[] _stored;
    private readonly int[] _zero;

    public ChunkShape(ushort id, ColumnShape[] columns)
    {
        Id = id;
        _columns = columns;
        _places = new ColumnPlace[columns.Length];
        CodesAt = HeadBytes;
        for (int column = 0; column < columns.Length; column++)
        {
            _places[column] = new ColumnPlace(CodesAt, RowBytes);
            RowBytes += columns[column].Width;
            CodesAt += columns[column].HasBase ? sizeof(long) : 0;
        }

        _stored = [.. Enumerable.Range(0, columns.Length).Where(column => columns[column].Width > 0)];
        _zero = [.. Enumerable.Range(0, columns.Length).Where(column => columns[column].Width == 0)];
        IsPlain = columns[RowLayout.Flags].Width == 0 && columns[RowLayout.Until].Width == 0;
    }

    public ushort Id { get; }

    public ReadOnlySpan<ColumnShape> Columns => _columns;

    /// <summary>Columns that take room.</summary>
    public ReadOnlySpan<int> Stored => _stored;

    /// <summary>Columns in which every value is zero.</summary>
    public ReadOnlySpan<int> Zero => _zero;

    /// <summary>Bytes of one row's codes.</summary>
    public int RowBytes { get; }

    /// <summary>Where the codes begin.</summary>
    public int CodesAt { get; }

    /// <summary>No row has a flag, and none has been superseded: every row counts for every lane without a filter.</summary>
    public bool IsPlain { get; }

    public int BaseAt(int column) => _places[column].BaseAt;

    public int ColumnAt(int column, int capacity) => CodesAt + (_places[column].Prefix * capacity);

    public int Bytes(int capacity) => CodesAt + (RowBytes * capacity);

    /// <summary>Where a column's base lies, and how many bytes of codes a row has before it.</summary>
    private readonly record struct ColumnPlace(int BaseAt, int Prefix);
}
