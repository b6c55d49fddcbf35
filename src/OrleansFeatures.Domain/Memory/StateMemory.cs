using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OrleansFeatures.Domain.Memory;

/// <summary>
/// Where the entities of one partition keep their rows and texts. Shared by all of them; entered by one thread at a time, as they are. Freed as a whole when nothing refers
/// to it any more.
/// </summary>
public sealed class StateMemory
{
    private const int KeptHeadBytes = sizeof(ushort);

    /// <param name="onSlab">Told address and length of every large slab: a host may ask the system for large pages there. The domain itself makes no system calls.</param>
    public StateMemory(Action<nint, nint>? onSlab = null)
    {
        Slabs = new SlabMemory(onSlab);
        Texts = new TextPool(Slabs);
    }

    /// <summary>Bytes of rows, with the unused room of their chunks.</summary>
    public long RowBytes => Slabs.UsedBytes - Texts.BlockBytes;

    /// <summary>Bytes of texts, ids included.</summary>
    public long TextBytes => Texts.BlockBytes + Texts.TableBytes;

    /// <summary>Estimated bytes of sums of events that are no longer held as themselves; brought up to date whenever an entity is compacted.</summary>
    public long SummaryBytes { get; internal set; }

    /// <summary>Distinct texts that some row holds.</summary>
    public int TextsInUse => Texts.Count;

    /// <summary>Bytes in use.</summary>
    public long HeldBytes => RowBytes + TextBytes + SummaryBytes;

    /// <summary>Bytes taken from the system for both, and not in use.</summary>
    public long FreeBytes => Slabs.SlabBytes - Slabs.UsedBytes;

    /// <summary>Bytes taken from the system.</summary>
    public long TotalBytes => Slabs.SlabBytes;

    /// <summary>Keeps a few bytes, such as an entity's key, and names them.</summary>
    public uint Keep(ReadOnlySpan<byte> bytes)
    {
        uint kept = Slabs.Allocate(KeptHeadBytes + bytes.Length);
        ref byte start = ref Slabs.At(kept);
        Unsafe.WriteUnaligned(ref start, (ushort)bytes.Length);
        bytes.CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref start, KeptHeadBytes), bytes.Length));
        return kept;
    }

    /// <summary>What <see cref="Keep"/> named so.</summary>
    public ReadOnlySpan<byte> Kept(uint name)
    {
        ref byte start = ref Slabs.At(name);
        return MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref start, KeptHeadBytes), Unsafe.ReadUnaligned<ushort>(ref start));
    }

    /// <summary>Gives back what <see cref="Keep"/> named so.</summary>
    public void Forget(uint name) => Slabs.Free(name, KeptHeadBytes + Kept(name).Length);

    internal SlabMemory Slabs { get; }

    internal TextPool Texts { get; }
}
