using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OrleansFeatures.Domain.Memory;

/// <summary>
/// Blocks of bytes out of large slabs, so that millions of small chunks are nothing to the garbage collector: it sees a few pinned arrays and never looks
/// inside. A block is named by a handle of 32 bits:
/// <code>
///   handle   [ slab : 14 ][ granule of 16 bytes : 18 ]        64 GB in slabs of 4 MB; 0 names nothing
/// </code>
/// Blocks of one size class come back through that class's list of free blocks, whose links lie in the free blocks themselves; allocating and freeing are a few instructions.
/// Nothing is ever moved. Belongs to one partition, which lets one thread in at a time.
/// </summary>
internal sealed class SlabMemory
{
    private const int GranuleShift = 4;
    private const int Granule = 1 << GranuleShift;
    private const int SlabShift = 18;
    private const int SlabGranulesMax = 1 << SlabShift;
    private const uint GranuleMask = SlabGranulesMax - 1;

    /// <summary>Up to here a class is one granule wide, so that sparse entities waste nothing; beyond it eight.</summary>
    private const int FineGranules = 64;
    private const int CoarseStep = 8;

    private readonly uint[] _free = new uint[ClassOf(Limits.BlockBytesMax) + 1];
    private readonly Action<nint, nint>? _onSlab;
    private byte[][] _slabs = [];
    private int _slabCount;
    private int _nextGranule;
    private int _slabGranules;

    /// <param name="onSlab">Told address and length of every new slab of full size: the host may ask the system for large pages there.</param>
    public SlabMemory(Action<nint, nint>? onSlab) => _onSlab = onSlab;

    /// <summary>Bytes in use by blocks, rounded up to their size classes.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Bytes of all slabs.</summary>
    public long SlabBytes { get; private set; }

    /// <summary>A block's bytes as they were left by whoever had it before.</summary>
    /// <exception cref="InvariantException">More than <see cref="Limits.BlockBytesMax"/> are wanted.</exception>
    public uint Allocate(int bytes)
    {
        InvariantException.Require(bytes is > 0 and <= Limits.BlockBytesMax, "a block is larger than any chunk can be");
        int sizeClass = ClassOf(bytes);
        UsedBytes += BytesOf(sizeClass);
        uint handle = _free[sizeClass];
        if (handle != 0)
        {
            _free[sizeClass] = Unsafe.ReadUnaligned<uint>(ref At(handle));
            return handle;
        }

        int granules = BytesOf(sizeClass) >> GranuleShift;
        if (_nextGranule + granules > _slabGranules)
        {
            AddSlab();
        }

        handle = ((uint)(_slabCount - 1) << SlabShift) | (uint)_nextGranule;
        _nextGranule += granules;
        return handle;
    }

    /// <summary>Gives a block back; <paramref name="bytes"/> as it was allocated with.</summary>
    public void Free(uint handle, int bytes)
    {
        int sizeClass = ClassOf(bytes);
        UsedBytes -= BytesOf(sizeClass);
        Unsafe.WriteUnaligned(ref At(handle), _free[sizeClass]);
        _free[sizeClass] = handle;
    }

    /// <summary>What a block of so many bytes takes.</summary>
    public static int Rounded(int bytes) => BytesOf(ClassOf(bytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref byte At(uint handle) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slabs[handle >> SlabShift]), (nint)(handle & GranuleMask) << GranuleShift);

    private static int ClassOf(int bytes)
    {
        int granules = (bytes + Granule - 1) >> GranuleShift;
        return granules <= FineGranules ? granules : FineGranules + ((granules - FineGranules + CoarseStep - 1) / CoarseStep);
    }

    private static int BytesOf(int sizeClass) =>
        (sizeClass <= FineGranules ? sizeClass : FineGranules + ((sizeClass - FineGranules) * CoarseStep)) << GranuleShift;

    /// <summary>Slabs double up to their full size, because a store has many partitions and most begin small.</summary>
    private void AddSlab()
    {
        if (_slabCount == _slabs.Length)
        {
            Array.Resize(ref _slabs, Math.Max(4, _slabCount * 2));
        }

        _slabGranules = (int)Math.Min(SlabGranulesMax, Math.Max(Limits.FirstSlabBytes >> GranuleShift, BitOperations.RoundUpToPowerOf2((ulong)SlabBytes) >> GranuleShift));
        byte[] slab = GC.AllocateUninitializedArray<byte>(_slabGranules << GranuleShift, pinned: true);
        _slabs[_slabCount++] = slab;
        SlabBytes += slab.Length;
        _nextGranule = _slabCount == 1 ? 1 : 0;
        if (_slabGranules == SlabGranulesMax && _onSlab is not null)
        {
            _onSlab(Marshal.UnsafeAddrOfPinnedArrayElement(slab, 0), slab.Length);
        }
    }
}
