using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// A timeline as it is saved, chunk by chunk, so that it comes back with the same chunks: where chunks begin decides the last bits of a deviation.
/// <code>
///   [ form : 1 ][ floor : 8 ][ rows : 4 ] then by form
///   0 empty
///   1 one chunk      [ chunk ]
///   2 dense          [ blocks : 4 ] [ place : 8 ][ rows : 4 ] of each block but the newest   [ chunks : 4 ][ chunk ] ... of the newest
///   then             [ 1 ][ sums of what has left ] or [ 0 ]
/// </code>
/// All blocks but the newest are parts of their own, saved again only when they have changed: an entity of a million events whose newest thousand are new costs one block, not three hundred.
/// </summary>
internal partial struct Timeline
{
    private const byte FormEmpty = 0;
    private const byte FormSingle = 1;
    private const byte FormDense = 2;

    public readonly void Save(StateWriter to, RowLayout layout, SavedParts parts)
    {
        to.Byte(_count == 0 ? FormEmpty : _many is null ? FormSingle : FormDense);
        to.Int64(_floor);
        to.Int32(_count);
        if (_many is not null && _count > 0)
        {
            SaveDense(to, layout, parts);
        }
        else if (_count > 0)
        {
            parts.Texts.Clear();
            Chunk.Open(layout, _single).Save(to, layout, parts.Texts);
        }

        to.Flag(Past is not null);
        Past?.Save(to);
    }

    /// <summary>Fills a new timeline with what was saved.</summary>
    /// <exception cref="StateFormatException">What was loaded until then is to be released by the caller.</exception>
    public void Load(ref StateReader from, RowLayout layout, LoadedParts parts)
    {
        byte form = from.Byte();
        _floor = from.Int64();
        int count = from.Count(bytesEach: 0);
        if (form == FormSingle)
        {
            parts.Texts.Clear();
            _single = Chunk.Load(layout, ref from, parts.Texts);
            _count = Chunk.Open(layout, _single).Count;
        }
        else if (form == FormDense)
        {
            LoadDense(ref from, layout, parts);
        }
        else if (form != FormEmpty)
        {
            throw new StateFormatException($"a timeline of form {form}");
        }

        if (count != _count || _floor < 0)
        {
            throw new StateFormatException($"{_count} rows were found of {count} that were saved, with a floor of {_floor}");
        }

        if (from.Flag())
        {
            Past = PastEvents.Load(ref from, layout);
            layout.Memory.SummaryBytes += Past.Account();
        }
    }

    /// <summary>Gives all memory back; the timeline must not be used any more.</summary>
    public void Release(RowLayout layout)
    {
        if (_many is null)
        {
            if (_single != 0)
            {
                ReleaseChunk(layout, _single);
            }
        }
        else
        {
            for (int block = 0; block < _many.BlockCount; block++)
            {
                foreach (ChunkEntry entry in _many[block].Entries)
                {
                    ReleaseChunk(layout, entry.Handle);
                }
            }
        }

        if (Past is { } past)
        {
            layout.Memory.SummaryBytes -= past.Accounted;
        }

        (_single, _many, _count, Past) = (0, null, 0, null);
    }

    /// <summary>Blocks that lie in such a place are to be saved again, elsewhere. Says whether there are any.</summary>
    public readonly bool MoveParts(Predicate<ulong> isConcerned)
    {
        bool any = false;
        for (int block = 0; _many is not null && block < _many.BlockCount; block++)
        {
            if (_many[block].SavedAt is var place and not 0 && isConcerned(place))
            {
                _many[block].Change();
                any = true;
            }
        }

        return any;
    }

    /// <summary>Saves blocks that have changed, ahead of the rest, until so many bytes are; the newest is no part. True when none is left.</summary>
    public readonly bool SaveParts(RowLayout layout, SavedParts parts, ref int bytesLeft)
    {
        for (int block = 0; _many is not null && block < _many.BlockCount - 1; block++)
        {
            if (_many[block].IsChanged)
            {
                if (bytesLeft <= 0)
                {
                    return false;
                }

                bytesLeft -= SavePart(layout, _many[block], parts);
            }
        }

        return true;
    }

    private readonly void SaveDense(StateWriter to, RowLayout layout, SavedParts parts)
    {
        parts.Gone(_many!.TakeGone());
        to.Int32(_many.BlockCount);
        int newest = _many.BlockCount - 1;
        for (int block = 0; block < newest; block++)
        {
            ChunkBlock saved = _many[block];
            if (saved.IsChanged)
            {
                SavePart(layout, saved, parts);
            }

            to.UInt64(parts.PlaceOf(saved));
            to.Int32(RowsOf(saved));
        }

        SaveBlock(to, layout, _many[newest], parts.Texts);
    }

    private static int SavePart(RowLayout layout, ChunkBlock block, SavedParts parts)
    {
        StateWriter part = parts.Begin();
        SaveBlock(part, layout, block, parts.Texts);
        parts.End(block);
        return part.Length;
    }

    private static void SaveBlock(StateWriter to, RowLayout layout, ChunkBlock block, SavedTexts texts)
    {
        texts.Clear();
        to.Int32(block.Count);
        foreach (ChunkEntry entry in block.Entries)
        {
            Chunk.Open(layout, entry.Handle).Save(to, layout, texts);
        }
    }

    private void LoadDense(ref StateReader from, RowLayout layout, LoadedParts parts)
    {
        _many = new ChunkDirectory();
        int blocks = from.Count(bytesEach: 4, min: 1);
        for (int index = 0; index < blocks - 1; index++)
        {
            ulong place = from.UInt64();
            int rows = from.Int32();
            var part = new StateReader(parts.Read(place));
            ChunkBlock block = LoadBlock(ref part, layout, parts.Texts);
            part.End();
            if (rows != RowsOf(block))
            {
                throw new StateFormatException($"a part of {RowsOf(block)} rows stands where {rows} were saved");
            }

            block.BeginSaving();
            block.SavedAt = place;
        }

        LoadBlock(ref from, layout, parts.Texts);
        _single = _many.At(_many.Newest).Handle;
    }

    /// <summary>Each chunk belongs to the timeline as soon as it is loaded, so that it goes with it.</summary>
    private ChunkBlock LoadBlock(ref StateReader from, RowLayout layout, LoadedTexts texts)
    {
        texts.Clear();
        int chunks = from.Count(bytesEach: 2, min: 1, max: Limits.BlockChunksMax);
        var block = new ChunkBlock(chunks);
        try
        {
            for (int index = 0; index < chunks; index++)
            {
                uint handle = Chunk.Load(layout, ref from, texts);
                Chunk chunk = Chunk.Open(layout, handle);
                block.Insert(index, new ChunkEntry { First = chunk.FirstTime, Last = chunk.LastTime, Handle = handle, Count = chunk.Count, Bytes = chunk.Bytes });
                if (chunk.FirstTime < (index > 0 ? block.Entries[index - 1].Last : _count > 0 ? _many!.At(_many.Newest).Last : long.MinValue))
                {
                    throw new StateFormatException("chunks are not in the order of time");
                }
            }
        }
        finally
        {
            if (block.Count > 0)
            {
                _many!.AddLoaded(block);
                _count += RowsOf(block);
            }
        }

        return block;
    }

    private static int RowsOf(ChunkBlock block)
    {
        int rows = 0;
        foreach (ChunkEntry entry in block.Entries)
        {
            rows += entry.Count;
        }

        return rows;
    }

    private static void ReleaseChunk(RowLayout layout, uint handle)
    {
        if (layout.TextCells.Length > 0)
        {
            Chunk chunk = Chunk.Open(layout, handle);
            foreach (int cell in layout.TextCells)
            {
                for (int row = 0; row < chunk.Count; row++)
                {
                    layout.Memory.Texts.Release(chunk[cell, row]);
                }
            }
        }

        Chunk.Free(layout, handle);
    }
}
