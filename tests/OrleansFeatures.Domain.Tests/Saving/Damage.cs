using System.Buffers.Binary;

namespace OrleansFeatures.Domain.Tests.Saving;

/// <summary>Bytes as a checksum that missed something would let them through: bits flipped, cut short, parts repeated, moved or lost, numbers at the ends of their range.</summary>
internal static class Damage
{
    private static readonly byte[] Boundaries = [0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff];

    /// <summary>What reading so many bytes may take: every byte can ask for a counter or a row with room to grow, and at the end stands what an empty set of all aggregates takes.</summary>
    public static long AllocationMax(int bytes) => (200L * bytes) + (512 * 1024);

    public static byte[] Of(byte[] bytes, Random random)
    {
        byte[] damaged = [.. bytes];
        for (int blow = random.Next(4) == 0 ? random.Next(2, 6) : 1; blow > 0; blow--)
        {
            damaged = Once(damaged, random);
        }

        return damaged;
    }

    private static byte[] Once(byte[] bytes, Random random)
    {
        if (bytes.Length == 0)
        {
            return [(byte)random.Next(256)];
        }

        // Heads decide more than what they head, so half the blows fall there.
        int at = random.Next(2) == 0 ? random.Next(bytes.Length) : random.Next(Math.Min(bytes.Length, 64));
        int length = Math.Min(bytes.Length - at, random.Next(1, 20));
        switch (random.Next(7))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                bytes[at] = Boundaries[random.Next(Boundaries.Length)];
                return bytes;
            case 2:
                return bytes[..at];
            case 3:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 4:
                return [.. bytes[..at], .. bytes.AsSpan(at, length), .. bytes[at..]];
            case 5 when bytes.Length >= at + 8:
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), random.Next(5) switch { 0 => long.MaxValue, 1 => long.MinValue, 2 => -1, 3 => BitConverter.DoubleToInt64Bits(double.NaN), _ => random.NextInt64() });
                return bytes;
            default:
                random.NextBytes(bytes.AsSpan(at, length));
                return bytes;
        }
    }
}
