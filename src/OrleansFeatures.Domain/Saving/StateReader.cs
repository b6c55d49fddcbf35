using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace OrleansFeatures.Domain.Saving;

/// <summary>
/// Reads what a <see cref="StateWriter"/> wrote, in the same order. Every read is checked against what is left, and counts against what they could possibly be, so that no bytes, however wrong, make it
/// read elsewhere or ask for memory beyond their own size.
/// </summary>
public ref struct StateReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _left = bytes;

    public readonly int Left => _left.Length;

    public byte Byte() => Take(1)[0];

    /// <exception cref="StateFormatException">Neither 0 nor 1.</exception>
    public bool Flag() => Byte() switch
    {
        0 => false,
        1 => true,
        byte other => throw new StateFormatException($"a flag is {other}"),
    };

    public short Int16() => BinaryPrimitives.ReadInt16LittleEndian(Take(sizeof(short)));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    public double Double() => BitConverter.Int64BitsToDouble(Int64());

    /// <exception cref="StateFormatException">Longer than it need be, or than 64 bits.</exception>
    public ulong Packed()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Byte();
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return (next != 0 || shift == 0) && (shift < 63 || next == 1) ? value : throw new StateFormatException("a packed number is longer than it need be");
            }
        }

        throw new StateFormatException("a packed number has no end");
    }

    public long PackedSigned()
    {
        ulong value = Packed();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>A packed number from <paramref name="min"/> to <paramref name="max"/>.</summary>
    /// <exception cref="StateFormatException">It is another.</exception>
    public long PackedWithin(long min, long max)
    {
        ulong value = Packed();
        return value <= long.MaxValue && (long)value >= min && (long)value <= max ? (long)value : throw new StateFormatException($"{value} stands where {min} to {max} are possible");
    }

    public ReadOnlySpan<byte> Bytes() => Take(Int32());

    /// <exception cref="StateFormatException">It is not UTF-8.</exception>
    public string Text()
    {
        ReadOnlySpan<byte> utf8 = Bytes();
        return Utf8.IsValid(utf8) ? Encoding.UTF8.GetString(utf8) : throw new StateFormatException("a text is not UTF-8");
    }

    public void Int64s(Span<long> values)
    {
        ReadOnlySpan<byte> source = Take(checked(values.Length * sizeof(long)));
        if (BitConverter.IsLittleEndian)
        {
            source.CopyTo(MemoryMarshal.AsBytes(values));
            return;
        }

        for (int index = 0; index < values.Length; index++)
        {
            values[index] = BinaryPrimitives.ReadInt64LittleEndian(source[(index * sizeof(long))..]);
        }
    }

    public ReadOnlySpan<byte> Raw(int bytes) => Take(bytes);

    /// <summary>A count of things that take at least <paramref name="bytesEach"/> bytes, at least <paramref name="min"/> and at most <paramref name="max"/> of them.</summary>
    /// <exception cref="StateFormatException">It cannot be.</exception>
    public int Count(int bytesEach, int min = 0, int max = int.MaxValue)
    {
        int count = Int32();
        return count >= min && count <= max && (long)count * bytesEach <= Left
            ? count
            : throw new StateFormatException($"a count of {count} where {min} to {max} are possible and {Left} bytes are left");
    }

    /// <summary>The count, if things of so many bytes can still follow that many times.</summary>
    /// <exception cref="StateFormatException">They cannot.</exception>
    public readonly int Fitting(int count, int bytesEach) => (long)count * bytesEach <= Left ? count : throw new StateFormatException($"{count} things of {bytesEach} bytes are said to follow where {Left} bytes are left");

    /// <summary>Nothing must be left.</summary>
    /// <exception cref="StateFormatException">Something is.</exception>
    public readonly void End()
    {
        if (Left != 0)
        {
            throw new StateFormatException($"{Left} bytes are left over");
        }
    }

    private ReadOnlySpan<byte> Take(int bytes)
    {
        if (bytes < 0 || bytes > _left.Length)
        {
            throw new StateFormatException($"{bytes} bytes are wanted where {_left.Length} are left");
        }

        ReadOnlySpan<byte> taken = _left[..bytes];
        _left = _left[bytes..];
        return taken;
    }
}

/// <summary>Saved state is not what this program writes: damage that a checksum did not see, or another format.</summary>
public sealed class StateFormatException(string reason) : Exception($"saved state does not read back: {reason}");
