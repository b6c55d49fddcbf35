using System.Buffers.Binary;
using System.Text;

namespace OrleansFeatures.Domain;

/// <summary>
/// The 64-bit hash that places entities on partitions and gives names their ids. It is part of the on-disk contract: the same
/// bytes hash to the same value on every machine, process and version, which <see cref="object.GetHashCode"/> does not promise.
/// </summary>
/// <remarks>
/// FNV-1a's multiply-and-xor over 8 bytes at a time, then the finalizer of MurmurHash3 (Appleby), which spreads every input bit over
/// all output bits. Not cryptographic: keys chosen to collide can make one partition hot, never wrong.
/// </remarks>
public static class StableHash
{
    private const ulong Offset = 14695981039346656037;
    private const ulong Prime = 1099511628211;

    public static ulong Of(ReadOnlySpan<byte> bytes, ulong seed = 0)
    {
        ulong hash = Offset ^ Mix(seed) ^ (ulong)bytes.Length;
        while (bytes.Length >= sizeof(ulong))
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes)) * Prime;
            hash ^= hash >> 32;
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (byte b in bytes)
        {
            hash = (hash ^ b) * Prime;
        }

        return Mix(hash);
    }

    public static ulong Of(string text) => Of(Encoding.UTF8.GetBytes(text));

    /// <summary>MurmurHash3's 64-bit finalizer: a bijection, so distinct inputs stay distinct.</summary>
    public static ulong Mix(ulong value)
    {
        value ^= value >> 33;
        value *= 0xff51afd7ed558ccd;
        value ^= value >> 33;
        value *= 0xc4ceb9fe1a85ec53;
        return value ^ (value >> 33);
    }
}
