using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OrleansFeatures.Domain.Memory;

/// <summary>
/// An entity's key, 16 bytes, as a field of whatever the key finds: a short key lies in it, so that comparing it touches no memory that finding the entity has not touched already, a longer one
/// in the partition's memory.
/// <code>
///   up to 15 bytes   [ length : 1 ][ the key ]
///   longer           [ 255 : 1 ][ unused : 3 ][ name in StateMemory : 4 ]
/// </code>
/// </summary>
public readonly struct KeptKey
{
    private const int ShortBytesMax = 15;
    private const byte IsLong = 255;
    private const int NameAt = 4;

    private readonly Room _room;

    public KeptKey(ReadOnlySpan<byte> key, StateMemory memory)
    {
        Span<byte> room = _room;
        if (key.Length <= ShortBytesMax)
        {
            room[0] = (byte)key.Length;
            key.CopyTo(room[1..]);
        }
        else
        {
            room[0] = IsLong;
            MemoryMarshal.Write(room[NameAt..], memory.Keep(key));
        }
    }

    [UnscopedRef]
    public ReadOnlySpan<byte> Bytes(StateMemory memory)
    {
        ReadOnlySpan<byte> room = _room;
        return room[0] == IsLong ? memory.Kept(MemoryMarshal.Read<uint>(room[NameAt..])) : room.Slice(1, room[0]);
    }

    /// <summary>Gives back what a long key takes; the key must not be used any more.</summary>
    public void Release(StateMemory memory)
    {
        ReadOnlySpan<byte> room = _room;
        if (room[0] == IsLong)
        {
            memory.Forget(MemoryMarshal.Read<uint>(room[NameAt..]));
        }
    }

    [InlineArray(ShortBytesMax + 1)]
    private struct Room
    {
        private byte _first;
    }
}
