using System.Runtime.InteropServices;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Silo.Streams;

/// <summary>
/// What one append gave to one partition, or several that followed each other, as an item of that partition's stream: whole frames, one after the other, for <c>LogRecords.Of</c>. Nobody writes to the bytes, so
/// within a silo the item is handed over as it is and never copied.
/// </summary>
/// <param name="Partition">The partition's number, which is the stream's key too.</param>
/// <param name="First">Offset of the first record.</param>
/// <param name="Last">Offset of the last one; between them none is missing.</param>
/// <param name="Frames">The records' frames.</param>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.LogBatch")]
public sealed record LogBatch([property: Id(0)] int Partition, [property: Id(1)] long First, [property: Id(2)] long Last, [property: Id(3)] byte[] Frames)
{
    /// <summary>Takes the very array of frames where the memory is all of one.</summary>
    public static LogBatch Of(PartitionBatch batch)
    {
        bool whole = MemoryMarshal.TryGetArray(batch.Frames, out ArraySegment<byte> segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length;
        return new LogBatch(batch.Partition.Value, batch.First.Value, batch.Last.Value, whole ? segment.Array! : batch.Frames.ToArray());
    }

    /// <summary>Batches that follow each other without a gap, as one; a single one as it is. Copies bytes once, which is little beside calls to entities for each of them.</summary>
    public static LogBatch Joined(ReadOnlySpan<LogBatch> batches)
    {
        if (batches.Length == 1)
        {
            return batches[0];
        }

        int bytes = 0;
        foreach (LogBatch batch in batches)
        {
            bytes += batch.Frames.Length;
        }

        byte[] frames = GC.AllocateUninitializedArray<byte>(bytes);
        Span<byte> rest = frames;
        foreach (LogBatch batch in batches)
        {
            batch.Frames.CopyTo(rest);
            rest = rest[batch.Frames.Length..];
        }

        return new LogBatch(batches[0].Partition, batches[0].First, batches[^1].Last, frames);
    }

    public PartitionId PartitionId => new(Partition);

    public LogOffset FirstOffset => new(First);

    public LogOffset LastOffset => new(Last);
}
