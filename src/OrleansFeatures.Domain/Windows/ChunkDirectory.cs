using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OrleansFeatures.Domain.Memory;

namespace OrleansFeatures.Domain.Windows;

/// <summary>One chunk as its timeline knows it, so that most searches need not open it.</summary>
internal struct ChunkEntry
{
    public long First;
    public long Last;
    public uint Handle;
    public int Count;
    public int Bytes;

    /// <summary>Its folds are those of its present rows.</summary>
    public bool IsFolded;
}

/// <summary>A run of up to <see cref="Limits.BlockChunksMax"/> neighbouring chunks, with the folds of each and of all together, made when a read first wants them.</summary>
internal sealed class ChunkBlock(int capacity)
{
    private ChunkEntry[] _entries = new ChunkEntry[capacity];
    private Fold[] _folds = [];
    private Fold[] _totals = [];
    private int _lanes;

    public int Count { get; private set; }

    /// <summary>The folds of all chunks together are those of their present rows.</summary>
    public bool IsFolded { get; set; }

    /// <summary>Where the chunks were last saved together; 0 where they never were.</summary>
    public ulong SavedAt { get; set; }

    /// <summary>Rows have come, gone or changed since then.</summary>
    public bool IsChanged { get; private set; } = true;

    /// <summary>Rows have come, gone or changed.</summary>
    public void Change() => (IsFolded, IsChanged) = (false, true);

    /// <summary>What is here is being saved.</summary>
    public void BeginSaving() => IsChanged = false;

    public Span<ChunkEntry> Entries => _entries.AsSpan(0, Count);

    /// <summary>Bytes of this object and its arrays.</summary>
    public int Bytes => 128 + (_entries.Length * Unsafe.SizeOf<ChunkEntry>()) + ((_folds.Length + _totals.Length) * Unsafe.SizeOf<Fold>());

    public Span<Fold> FoldsOf(int chunk, int lanes)
    {
        if (_folds.Length < _entries.Length * lanes)
        {
            Array.Resize(ref _folds, _entries.Length * lanes);
        }

        _lanes = lanes;

        return _folds.AsSpan(chunk * lanes, lanes);
    }

    public Span<Fold> Totals(int lanes)
    {
        if (_totals.Length < lanes)
        {
            _totals = new Fold[lanes];
        }

        return _totals.AsSpan(0, lanes);
    }

    public void Insert(int at, in ChunkEntry entry)
    {
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, Math.Min(Limits.BlockChunksMax, Count * 2));
        }

        // Folds move with their chunks: those behind the new one are simply made again.
        for (int chunk = at; chunk < Count; chunk++)
        {
            _entries[chunk].IsFolded = false;
        }

        Array.Copy(_entries, at, _entries, at + 1, Count - at);
        _entries[at] = entry;
        Count++;
        Change();
    }

    public void RemoveFirst(int chunks)
    {
        Array.Copy(_entries, chunks, _entries, 0, Count - chunks);
        Count -= chunks;
        if (_folds.Length > 0)
        {
            // The entries may have got more room since the folds were made: those beyond have none yet.
            int folded = Math.Min(Count, (_folds.Length / _lanes) - chunks);
            Array.Copy(_folds, chunks * _lanes, _folds, 0, Math.Max(0, folded) * _lanes);
        }

        Change();
    }

    /// <summary>Gives the newer half to another block.</summary>
    public ChunkBlock SplitNewerHalf()
    {
        int keep = Count / 2;
        var newer = new ChunkBlock(_entries.Length);
        for (int chunk = keep; chunk < Count; chunk++)
        {
            newer.Insert(chunk - keep, _entries[chunk] with { IsFolded = false });
        }

        Count = keep;
        Change();
        return newer;
    }

    /// <summary>Makes an emptied block ready to be the newest one.</summary>
    public void Clear()
    {
        Count = 0;
        SavedAt = 0;
        Change();
    }
}

/// <summary>
/// The chunks of a dense entity, in order:
/// <code>
///   blocks   [ chunk chunk ... ][ chunk chunk ... ] ... [ ... newest ]        64 chunks of up to 64 rows each
/// </code>
/// A window over a million events is the totals of some 250 blocks, the folds of at most 128 chunks, and the rows of two.
/// </summary>
internal sealed class ChunkDirectory
{
    private const int FirstCapacity = 4;
    private ChunkBlock[] _blocks = [new(FirstCapacity)];
    private ChunkBlock? _spare;
    private List<ulong>? _gone;

    public int BlockCount { get; private set; } = 1;

    public ChunkBlock this[int block] => _blocks[block];

    public ref ChunkEntry At(RowPosition place) => ref _blocks[place.Block].Entries[place.Chunk];

    /// <summary>Asks for the block that the newest chunk is listed in.</summary>
    public void WarmNewest() => Prefetch.Object(_blocks[BlockCount - 1]);

    public RowPosition Newest => new(BlockCount - 1, _blocks[BlockCount - 1].Count - 1, 0);

    /// <summary>Bytes of all chunks.</summary>
    public long RowBytes { get; set; }

    /// <summary>Bytes of this object, its blocks and their folds.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 64 + (_blocks.Length * 8);
            for (int block = 0; block < BlockCount; block++)
            {
                bytes += _blocks[block].Bytes;
            }

            return bytes + (_spare?.Bytes ?? 0);
        }
    }

    public void AddNewest(in ChunkEntry entry)
    {
        ChunkBlock last = _blocks[BlockCount - 1];
        if (last.Count == Limits.BlockChunksMax)
        {
            last = _spare ?? new ChunkBlock(Limits.BlockChunksMax);
            _spare = null;
            InsertBlock(BlockCount, last);
        }

        last.Insert(last.Count, entry);
        RowBytes += entry.Bytes;
    }

    /// <summary>Inserts a chunk behind another.</summary>
    public void AddAfter(RowPosition place, in ChunkEntry entry)
    {
        RowBytes += entry.Bytes;
        ChunkBlock block = _blocks[place.Block];
        if (block.Count < Limits.BlockChunksMax)
        {
            block.Insert(place.Chunk + 1, entry);
            return;
        }

        ChunkBlock newer = block.SplitNewerHalf();
        InsertBlock(place.Block + 1, newer);
        if (place.Chunk < block.Count)
        {
            block.Insert(place.Chunk + 1, entry);
        }
        else
        {
            newer.Insert(place.Chunk - block.Count + 1, entry);
        }
    }

    /// <summary>Takes the oldest chunk out; at least one must stay.</summary>
    public void RemoveOldest()
    {
        ChunkBlock oldest = _blocks[0];
        RowBytes -= oldest.Entries[0].Bytes;
        oldest.RemoveFirst(1);
        if (oldest.Count == 0)
        {
            Array.Copy(_blocks, 1, _blocks, 0, BlockCount - 1);
            BlockCount--;
            NoteGone(oldest.SavedAt);
            oldest.Clear();
            _spare = oldest;
        }
    }

    /// <summary>Where blocks were saved that are no more, since this was last asked.</summary>
    public ReadOnlySpan<ulong> TakeGone()
    {
        ReadOnlySpan<ulong> gone = CollectionsMarshal.AsSpan(_gone);
        _gone = null;
        return gone;
    }

    /// <summary>Appends a block that is being loaded.</summary>
    public void AddLoaded(ChunkBlock block)
    {
        if (BlockCount == 1 && _blocks[0].Count == 0)
        {
            _blocks[0] = block;
        }
        else
        {
            InsertBlock(BlockCount, block);
        }

        foreach (ChunkEntry entry in block.Entries)
        {
            RowBytes += entry.Bytes;
        }
    }

    private void NoteGone(ulong savedAt)
    {
        if (savedAt != 0)
        {
            (_gone ??= []).Add(savedAt);
        }
    }

    private void InsertBlock(int at, ChunkBlock block)
    {
        if (BlockCount == _blocks.Length)
        {
            Array.Resize(ref _blocks, BlockCount * 2);
        }

        Array.Copy(_blocks, at, _blocks, at + 1, BlockCount - at);
        _blocks[at] = block;
        BlockCount++;
    }
}

/// <summary>The place of a row in a timeline: block, chunk of the block, row of the chunk. Compared in that order. A row of -1 or beyond the chunk never occurs in an answer.</summary>
internal readonly record struct RowPosition(int Block, int Chunk, int Row) : IComparable<RowPosition>
{
    public int CompareTo(RowPosition other) => Key.CompareTo(other.Key);

    private long Key => ((long)Block << 40) | ((long)Chunk << 20) | (uint)Row;
}
