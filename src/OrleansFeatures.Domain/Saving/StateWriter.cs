using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace OrleansFeatures.Domain.Saving;

/// <summary>
/// Bytes of state to be saved, one value behind the other, little-endian. A growing buffer that is used again and again: what was written is valid until <see cref="Clear"/>. One thread at a time.
/// </summary>
public sealed class StateWriter
{
    private const int FirstBytes = 4 * 1024;
    private byte[] _bytes = new byte[FirstBytes];

    /// <summary>Bytes written since the last <see cref="Clear"/>.</summary>
    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public void Byte(byte value) => Take(1)[0] = value;

    public void Flag(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void Int16(short value) => BinaryPrimitives.WriteInt16LittleEndian(Take(sizeof(short)), value);

    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Take(sizeof(int)), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(sizeof(long)), value);

    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(sizeof(ulong)), value);

    /// <summary>To the bit, NaN included.</summary>
    public void Double(double value) => Int64(BitConverter.DoubleToInt64Bits(value));

    /// <summary>Seven bits a byte, the lowest first, the top bit set while more follow: one byte below 128, at most ten.</summary>
    public void Packed(ulong value)
    {
        Span<byte> room = Take(PackedBytes(value));
        for (int at = 0; at < room.Length - 1; at++, value >>= 7)
        {
            room[at] = (byte)(value | 0x80);
        }

        room[^1] = (byte)value;
    }

    /// <summary>The same with the sign in the lowest bit, so that numbers near zero are short on both sides.</summary>
    public void PackedSigned(long value) => Packed((ulong)((value << 1) ^ (value >> 63)));

    /// <summary>Length and bytes.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        Raw(value);
    }

    /// <summary>Length and UTF-8.</summary>
    public void Text(string value)
    {
        Int32(Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, Take(Encoding.UTF8.GetByteCount(value)));
    }

    /// <summary>The numbers, without their count.</summary>
    public void Int64s(ReadOnlySpan<long> values)
    {
        if (BitConverter.IsLittleEndian)
        {
            Raw(MemoryMarshal.AsBytes(values));
            return;
        }

        foreach (long value in values)
        {
            Int64(value);
        }
    }

    /// <summary>The bytes, without their length.</summary>
    public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    /// <summary>Replaces bytes that were written.</summary>
    public void Overwrite(int at, ReadOnlySpan<byte> bytes) => bytes.CopyTo(_bytes.AsSpan(at, Math.Min(bytes.Length, Length - at)));

    /// <summary>Room for so many bytes, which the caller fills before the next call.</summary>
    public Span<byte> Take(int bytes)
    {
        if (_bytes.Length - Length < bytes)
        {
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(_bytes.Length * 2L, (long)Length + bytes)));
        }

        Length += bytes;
        return _bytes.AsSpan(Length - bytes, bytes);
    }

    private static int PackedBytes(ulong value) => (BitOperations.Log2(value | 1) / 7) + 1;
}
