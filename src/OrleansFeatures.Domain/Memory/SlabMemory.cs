using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OrleansFeatures.Domain.Memory;

/// <summary>
/// Blocks of bytes out of large slabs, so that millions of small chunks are nothing to the garbage collector: it sees a few pinned arrays and never looks
/// inside. A block is named by a handle of 32 bits:
/// <code>
///   handle   [ slab : 14 ][ granule of 16 bytes : 18 ]        64 GB in slabs of 4 MB; 0 names nothing
///   slab     [ span of 16 KB ][ span ][ span ] ...            a span holds blocks of one size class, or is part of a block of its own
/// </code>
/// Entities grow through the size classes together, so a class would keep for ever what they left behind. Therefore a span whose blocks have all come back is given to whatever class wants one
/// next. Allocating and freeing are a few instructions: the free blocks of a span are linked through themselves, and the spans of a class that have room are linked to each other. Blocks larger than
/// an eighth of a span, which only dense entities have, lie across spans and come back through a list for each class. Nothing is ever moved. Belongs to one partition, which lets one
/// thread in at a time.
/// </summary>
internal sealed class SlabMemory
{
    private const int GranuleShift = 4;
    private const int Granule = 1 << GranuleShift;
    private const int SlabShift = 18;
    private const int SlabGranulesMax = 1 << SlabShift;
    private const uint GranuleMask = SlabGranulesMax - 1;
    private const int SpanShift = 10;
    private const int SpanGranules = 1 << SpanShift;
    private const int None = -1;

    /// <summary>Up to here a class is one granule wide; beyond it four, a tenth of what a sparse entity's chunk takes. Wider classes waste more in a block, narrower ones more in free blocks that nobody wants.</summary>
    private const int FineGranules = 16;
    private const int CoarseStep = 4;

    /// <summary>The largest class whose blocks share spans: 2 KB, of which a span holds eight.</summary>
    private static readonly int SharedClassMax = ClassOf(SpanGranules / 8 * Granule);

    private readonly uint[] _free = new uint[ClassOf(Limits.BlockBytesMax) + 1];
    private readonly int[] _withRoom = new int[SharedClassMax + 1];
    private readonly Action<nint, nint>? _onSlab;
    private byte[][] _slabs = [];
    private Span[] _spans = [];
    private int _emptySpans = None;
    private int _slabCount;

    /// <summary>The newest slab's untouched middle: spans are taken from its lower end, blocks of their own from the upper.</summary>
    private int _lowGranule;
    private int _highGranule;

    /// <param name="onSlab">Told address and length of every new slab of full size: the host may ask the system for large pages there.</param>
    public SlabMemory(Action<nint, nint>? onSlab)
    {
        _onSlab = onSlab;
        Array.Fill(_withRoom, None);
    }

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
        return sizeClass <= SharedClassMax ? AllocateShared(sizeClass) : AllocateOwn(sizeClass);
    }

    /// <summary>Gives a block back; <paramref name="bytes"/> as it was allocated with.</summary>
    public void Free(uint handle, int bytes)
    {
        int sizeClass = ClassOf(bytes);
        UsedBytes -= BytesOf(sizeClass);
        if (sizeClass > SharedClassMax)
        {
            Unsafe.WriteUnaligned(ref At(handle), _free[sizeClass]);
            _free[sizeClass] = handle;
            return;
        }

        int number = (int)(handle >> SpanShift);
        ref Span span = ref _spans[number];
        bool wasFull = span.IsFull(BytesOf(sizeClass) >> GranuleShift);
        Unsafe.WriteUnaligned(ref At(handle), span.Free);
        span.Free = handle;
        span.Used--;
        if (span.Used == 0)
        {
            if (!wasFull)
            {
                Unlink(sizeClass, ref span);
            }

            span.Next = _emptySpans;
            _emptySpans = number;
        }
        else if (wasFull)
        {
            Link(sizeClass, number);
        }
    }

    /// <summary>
    /// Whether a block lies in a span that is less than three quarters in use and not the next to be filled: whoever moves out of it, when it is about to write the block anyway, helps to give the span back.
    /// </summary>
    public bool IsThin(uint handle, int bytes)
    {
        int sizeClass = ClassOf(bytes);
        int number = (int)(handle >> SpanShift);
        return sizeClass <= SharedClassMax && _withRoom[sizeClass] is var next && next != None && next != number
            && _spans[number].Used * 4 * (BytesOf(sizeClass) >> GranuleShift) < SpanGranules * 3;
    }

    /// <summary>What a block of so many bytes takes.</summary>
    public static int Rounded(int bytes) => BytesOf(ClassOf(bytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref byte At(uint handle) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slabs[handle >> SlabShift]), (nint)(handle & GranuleMask) << GranuleShift);

    /// <summary>Asks for a block's first lines. Any thread, also while blocks come and go: a handle that names nothing any more, or nothing yet, asks for memory that nobody looks at.</summary>
    public void Warm(uint handle, int lines)
    {
        byte[][] slabs = _slabs;
        int slab = (int)(handle >> SlabShift);
        if (slab < slabs.Length && slabs[slab] is { } bytes)
        {
            int from = (int)(handle & GranuleMask) << GranuleShift;
            int to = Math.Min(bytes.Length, from + (lines * Prefetch.LineBytes));
            for (int at = from; at < to; at += Prefetch.LineBytes)
            {
                Prefetch.Line(ref bytes[at]);
            }
        }
    }

    private static int ClassOf(int bytes)
    {
        int granules = (bytes + Granule - 1) >> GranuleShift;
        return granules <= FineGranules ? granules : FineGranules + ((granules - FineGranules + CoarseStep - 1) / CoarseStep);
    }

    private static int BytesOf(int sizeClass) =>
        (sizeClass <= FineGranules ? sizeClass : FineGranules + ((sizeClass - FineGranules) * CoarseStep)) << GranuleShift;

    private uint AllocateShared(int sizeClass)
    {
        int granules = BytesOf(sizeClass) >> GranuleShift;
        int number = _withRoom[sizeClass];
        if (number == None)
        {
            number = EmptySpan();

            // The very first granule of all stays unused: its handle would name nothing.
            _spans[number] = new Span { NextGranule = number == 0 ? 1 : 0 };
            Link(sizeClass, number);
        }

        ref Span span = ref _spans[number];
        uint handle = span.Free;
        if (handle != 0)
        {
            span.Free = Unsafe.ReadUnaligned<uint>(ref At(handle));
        }
        else
        {
            handle = ((uint)number << SpanShift) + (uint)span.NextGranule;
            span.NextGranule += granules;
        }

        span.Used++;
        if (span.IsFull(granules))
        {
            Unlink(sizeClass, ref span);
        }

        return handle;
    }

    private uint AllocateOwn(int sizeClass)
    {
        uint handle = _free[sizeClass];
        if (handle != 0)
        {
            _free[sizeClass] = Unsafe.ReadUnaligned<uint>(ref At(handle));
            return handle;
        }

        int granules = BytesOf(sizeClass) >> GranuleShift;
        RequireRoom(granules);
        _highGranule -= granules;
        return ((uint)(_slabCount - 1) << SlabShift) | (uint)_highGranule;
    }

    private int EmptySpan()
    {
        int number = _emptySpans;
        if (number != None)
        {
            _emptySpans = _spans[number].Next;
            return number;
        }

        RequireRoom(SpanGranules);
        number = (((_slabCount - 1) << SlabShift) | _lowGranule) >> SpanShift;
        _lowGranule += SpanGranules;
        return number;
    }

    private void Link(int sizeClass, int number)
    {
        int next = _withRoom[sizeClass];
        _spans[number].Next = next;
        _spans[number].Previous = None;
        if (next != None)
        {
            _spans[next].Previous = number;
        }

        _withRoom[sizeClass] = number;
    }

    private void Unlink(int sizeClass, ref Span span)
    {
        if (span.Next != None)
        {
            _spans[span.Next].Previous = span.Previous;
        }

        if (span.Previous != None)
        {
            _spans[span.Previous].Next = span.Next;
        }
        else
        {
            _withRoom[sizeClass] = span.Next;
        }
    }

    /// <summary>Another slab where the newest has no room. What it had left becomes empty spans.</summary>
    private void RequireRoom(int granules)
    {
        if (_highGranule - _lowGranule >= granules)
        {
            return;
        }

        for (; _highGranule - _lowGranule >= SpanGranules; _lowGranule += SpanGranules)
        {
            int number = (((_slabCount - 1) << SlabShift) | _lowGranule) >> SpanShift;
            _spans[number].Next = _emptySpans;
            _emptySpans = number;
        }

        AddSlab();
    }

    /// <summary>Slabs double up to their full size, because a store has many partitions and most begin small.</summary>
    private void AddSlab()
    {
        if (_slabCount == _slabs.Length)
        {
            Array.Resize(ref _slabs, Math.Max(4, _slabCount * 2));
            Array.Resize(ref _spans, _slabs.Length << (SlabShift - SpanShift));
        }

        int granules = (int)Math.Min(SlabGranulesMax, Math.Max(Limits.FirstSlabBytes >> GranuleShift, BitOperations.RoundUpToPowerOf2((ulong)SlabBytes) >> GranuleShift));
        byte[] slab = GC.AllocateUninitializedArray<byte>(granules << GranuleShift, pinned: true);
        _slabs[_slabCount++] = slab;
        SlabBytes += slab.Length;
        (_lowGranule, _highGranule) = (0, granules);
        if (granules == SlabGranulesMax && _onSlab is not null)
        {
            _onSlab(Marshal.UnsafeAddrOfPinnedArrayElement(slab, 0), slab.Length);
        }
    }

    /// <summary>Blocks of one size class. 20 bytes beside 16 KB.</summary>
    private struct Span
    {
        /// <summary>The first free block; those that were never used lie behind <see cref="NextGranule"/>.</summary>
        public uint Free;
        public int NextGranule;
        public int Used;
        public int Next;
        public int Previous;

        public readonly bool IsFull(int granules) => Free == 0 && NextGranule + granules > SpanGranules;
    }
}
