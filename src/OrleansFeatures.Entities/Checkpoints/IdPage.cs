using System.Buffers.Binary;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Entities.Checkpoints;

/// <summary>
/// Event ids of one stream as a checkpoint saves them, in the order of the log:
/// <code>
///   [ format : 1 ][ stream : 4 ][ newest event time : 8 ][ count : 4 ] then of each   [ id : 16 ][ version : 8 ]
/// </code>
/// Pages may be read in any order, and twice: of several versions of an id the one that comes last in the log counts. A page leaves as a whole when its newest event is beyond the dedupe horizon.
/// </summary>
internal static class IdPage
{
    /// <summary>In the entry of a page: ids. Another number is something else.</summary>
    public const uint Tag = 1;

    private const byte Format = 1;
    private const int CountAt = 1 + 4 + 8;
    private const int EntryBytes = 24;

    public static void Begin(StateWriter page, uint stream)
    {
        page.Clear();
        page.Byte(Format);
        page.Int32((int)stream);
        page.Int64(long.MinValue);
        page.Int32(0);
    }

    /// <summary>False where the page is full with it.</summary>
    public static bool Add(StateWriter page, in EventIdIndex.IdKey id, EventIdIndex.IdVersion version)
    {
        page.UInt64(id.High);
        page.UInt64(id.Low);
        page.Int64(version.Bits);
        return Count(page) < Limits.IdPageEntries;
    }

    public static int Count(StateWriter page) => (page.Length - CountAt - sizeof(int)) / EntryBytes;

    /// <summary>The page's bytes, once its newest event time is known.</summary>
    public static ReadOnlySpan<byte> Finish(StateWriter page, long newestMicros)
    {
        Span<byte> head = page.Written[..(CountAt + sizeof(int))].ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(head[5..], newestMicros);
        BinaryPrimitives.WriteInt32LittleEndian(head[CountAt..], Count(page));
        page.Overwrite(0, head);
        return page.Written;
    }

    /// <summary>Reads the head; what follows are <paramref name="count"/> entries for <see cref="Next"/>.</summary>
    /// <exception cref="StateFormatException">No page of ids.</exception>
    public static StateReader Open(ReadOnlySpan<byte> page, out uint stream, out long newestMicros, out int count)
    {
        var from = new StateReader(page);
        if (from.Byte() is var format && format != Format)
        {
            throw new StateFormatException($"a page of ids has format {format}; this program reads format {Format}");
        }

        stream = (uint)from.Int32();
        newestMicros = from.Int64();
        count = from.Count(EntryBytes, max: Limits.IdPageEntries);
        return from;
    }

    public static EventIdIndex.IdKey Next(ref StateReader from, out EventIdIndex.IdVersion version)
    {
        var id = new EventIdIndex.IdKey(from.UInt64(), from.UInt64());
        version = EventIdIndex.IdVersion.OfBits(from.Int64());
        return !version.IsPending ? id : throw new StateFormatException("an id that was saved before its event was durable");
    }
}
