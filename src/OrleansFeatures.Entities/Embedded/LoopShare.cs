using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>
/// One loop's records of a batch, partition after partition, in offset order within each. What a partition keeps at hand (its table, its layouts, its gate) then serves some thirty records in
/// a row instead of one: with 64 partitions taken as they come, every record would fetch it anew. Reused from batch to batch by one thread at a time.
/// </summary>
internal sealed class LoopShare(int partitionCount)
{
    private readonly int[] _next = new int[partitionCount + 1];
    private LogRecords _records;
    private int[] _positions = [];
    private int[] _partitions = [];
    private int[] _order = [];

    public int Count { get; private set; }

    public LogRecord this[int index] => _records.At(_positions[_order[index]]);

    public int PartitionOf(int index) => _partitions[_order[index]];

    public void Take(LogRecords records, int loop, int loops)
    {
        (_records, Count) = (records, 0);
        LogRecords.Enumerator each = records.GetEnumerator();
        while (each.MoveNext())
        {
            int partition = each.Current.Partition.Value;
            if (partition % loops == loop)
            {
                Add(each.Position, partition);
            }
        }

        PartitionOrder.Fill(_partitions.AsSpan(0, Count), _next, _order);
    }

    private void Add(int position, int partition)
    {
        if (Count == _positions.Length)
        {
            int room = Math.Max(256, Count * 2);
            Array.Resize(ref _positions, room);
            Array.Resize(ref _partitions, room);
            _order = new int[room];
        }

        _positions[Count] = position;
        _partitions[Count++] = partition;
    }
}
