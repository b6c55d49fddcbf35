using System.Buffers.Binary;
using System.Numerics;

namespace OrleansFeatures.Log.Format;

/// <summary>CRC-32C (Castagnoli), 8 bytes per step in hardware. Also used as a chain: the value of one block seeds the next.</summary>
internal static class Crc32C
{
    /// <summary>Which byte, fed into zero, leaves this one at the top: each does once.</summary>
    private static readonly byte[] StepsByTopByte = ByTopByte();

    /// <summary>The usual CRC-32C: "123456789" gives E3069283.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Append(uint.MaxValue, bytes);

    /// <summary>The running value before these bytes were fed in, from the one after: a CRC loses nothing and can be run backwards.</summary>
    public static uint Before(uint after, ReadOnlySpan<byte> bytes)
    {
        for (var at = bytes.Length - 1; at >= 0; at--)
        {
            var step = StepsByTopByte[after >> 24];
            after = ((after ^ BitOperations.Crc32C(0, step)) << 8) | (uint)(step ^ bytes[at]);
        }

        return after;
    }

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

    private static byte[] ByTopByte()
    {
        var steps = new byte[256];
        for (var value = 0; value < steps.Length; value++)
        {
            steps[BitOperations.Crc32C(0, (byte)value) >> 24] = (byte)value;
        }

        return steps;
    }
}
