using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>Reads a sealed file's index, newest entry first: from the footer block by block backwards, each checked whole before its first entry is shown.</summary>
internal static class StateIndexReader
{
    /// <summary>Returns how many records the visitor called garbage, and their bytes. The buffer is reused from file to file.</summary>
    public static (long Records, long Bytes) Read(StateFile file, IStateIndexVisitor visitor, ref byte[] buffer)
    {
        var (position, blocksLeft, recordsLeft) = (file.Footer.LastIndexBlock, file.Footer.IndexBlocks, file.Footer.Records);
        var (garbageRecords, garbageBytes) = (0L, 0L);
        while (blocksLeft > 0)
        {
            var block = ReadBlock(file, position, --blocksLeft, ref recordsLeft, ref buffer);
            var entries = block[StateFrame.HeaderBytes..];
            for (var at = entries.Length - StateIndexEntry.Bytes; at >= 0; at -= StateIndexEntry.Bytes)
            {
                var entry = StateIndexEntry.Read(entries[at..], file.Number);
                if (!StateFrameKinds.IsRecord((byte)entry.Kind) || entry.Partition >= file.PartitionCount || entry.Length < StateFrame.HeaderBytes || entry.Place.Position + entry.Length > position)
                {
                    throw file.Corrupt(position, $"the index names {entry} of {entry.Length} bytes at byte {entry.Place.Position}, which cannot be", Concerned(1, file));
                }

                if (!visitor.Visit(in entry))
                {
                    garbageRecords++;
                    garbageBytes += entry.Length;
                }
            }

            position = (long)StateFrame.Hash(block);
        }

        return recordsLeft == 0 ? (garbageRecords, garbageBytes) : throw file.Corrupt(file.Footer.Position, "the index does not list every record", Concerned(recordsLeft, file));
    }

    /// <summary>The expected read is the largest block: a smaller one comes with some of what follows it, which costs less than asking twice.</summary>
    private static ReadOnlySpan<byte> ReadBlock(StateFile file, long position, int number, scoped ref long recordsLeft, scoped ref byte[] buffer)
    {
        var expected = StateFrame.HeaderBytes + (int)Math.Min(recordsLeft, Limits.StateIndexBlockEntries) * StateIndexEntry.Bytes;
        ReadOnlySpan<byte> block;
        try
        {
            block = file.ReadFrame(position, expected, ref buffer);
        }
        catch (StateCorruptException e)
        {
            throw file.Corrupt(position, $"block {number} of the index is damaged: {e.Reason}", Concerned(Math.Min(recordsLeft, Limits.StateIndexBlockEntries), file));
        }

        var entries = (block.Length - StateFrame.HeaderBytes) / StateIndexEntry.Bytes;
        if (StateFrame.Kind(block) != StateFrameKinds.Index || (ulong)entries != StateFrame.Check(block) || StateFrame.Tag(block) != (uint)number || entries > recordsLeft)
        {
            throw file.Corrupt(position, $"block {number} of the index is something else", Concerned(recordsLeft, file));
        }

        recordsLeft -= entries;
        return block;
    }

    private static string Concerned(long records, StateFile file) => $"up to {records} records of this file, written by checkpoint {file.Checkpoint}";
}
