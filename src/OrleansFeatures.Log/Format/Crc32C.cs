using System.Buffers.Binary;
using System.Numerics;

namespace OrleansFeatures.Log.Format;

/// <summary>CRC-32C (Castagnoli), 8 bytes per step in hardware. Also used as a chain: the value of one block seeds the next.</summary>
internal static class Crc32C
{
    /// <summary>The usual CRC-32C: "123456789" gives E3069283.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Append(uint.MaxValue, bytes);

    /// <summary>Feeds bytes into a running value, without the inversions at the ends.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        if (bytes.Length >= sizeof(uint))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt32LittleEndian(bytes));
            bytes = bytes[sizeof(uint)..];
        }

        foreach (var b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return crc;
    }
}
