using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Partitions;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>
/// Records as a committed batch of the log holds them, one behind the other, so that applying them can be measured without what comes before. Filled and emptied again and again.
/// </summary>
internal sealed class RecordBlock
{
    /// <summary>More than most records take.</summary>
    private const int BytesPerRecord = 128;

    private readonly EventRecordWriter _writer = new();
    private readonly StreamPlan _stream;
    private readonly StreamFeed _feed;
    private readonly PartitionMap _map;
    private readonly int[] _ends;
    private readonly int[] _partitionOf;
    private byte[] _bytes;

    public RecordBlock(Catalog catalog, string stream, PartitionMap partitions, int capacity)
    {
        _stream = catalog.Stream(stream)!;
        _feed = _stream.Feeds[0];
        _map = partitions;
        _bytes = new byte[capacity * BytesPerRecord];
        _ends = new int[capacity];
        _partitionOf = new int[capacity];
    }

    public int Count { get; private set; }

    public long Bytes => Count == 0 ? 0 : _ends[Count - 1];

    public ReadOnlySpan<int> Partitions => _partitionOf.AsSpan(0, Count);

    public ReadOnlySpan<byte> this[int record] => _bytes.AsSpan((record == 0 ? 0 : _ends[record - 1])..(_ends[record]));

    public void Clear() => Count = 0;

    /// <summary>Appends an event; its fields are by position in the stream's version.</summary>
    public void Add(ReadOnlySpan<Value> fields, long arrivalMicros)
    {
        StreamVersion version = _stream.Versions[^1];
        _writer.WriteBody(_stream, version, fields, EventArrival.Insert(new EventTime(arrivalMicros)), default);
        _writer.WriteHead(_feed, version, fields, primary: true);
        int start = Count == 0 ? 0 : _ends[Count - 1];
        int end = start + _writer.Head.Length + _writer.Body.Length;
        if (end > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(end, _bytes.Length * 2));
        }

        _writer.Head.CopyTo(_bytes.AsSpan(start));
        _writer.Body.CopyTo(_bytes.AsSpan(start + _writer.Head.Length));
        _partitionOf[Count] = _map.Of(_feed.Entity, _writer.Key).Value;
        _ends[Count++] = end;
    }
}
