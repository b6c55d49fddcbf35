using System.Collections.Concurrent;
using OrleansFeatures.Log;

namespace OrleansFeatures.Silo.Tests.Streams;

/// <summary>
/// What the consumers of a test have done for good, as PostgreSQL keeps it for PartitionGrains: a position and an epoch for each partition. Whoever takes a partition over raises its epoch, and what an
/// older one wants to do is refused. So it has each record once, or its own test fails.
/// </summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<int, Entry> _entries = new();
    private int _fenced;

    /// <summary>Attempts of consumers that had lost their partition to another.</summary>
    public int Fenced => Volatile.Read(ref _fenced);

    public (int Epoch, long Position) Acquire(int partition)
    {
        Entry entry = EntryOf(partition);
        lock (entry)
        {
            return (++entry.Epoch, entry.Position);
        }
    }

    /// <summary>Moves the position over records that follow it; false for an owner of before.</summary>
    public bool TryApply(int partition, int epoch, long from, long to)
    {
        Entry entry = EntryOf(partition);
        lock (entry)
        {
            if (entry.Epoch != epoch)
            {
                Interlocked.Increment(ref _fenced);
                return false;
            }

            entry.Position.ShouldBe(from, $"partition {partition}: the owner goes on where it was");
            entry.Position = to;
            return true;
        }
    }

    public long PositionOf(int partition) => EntryOf(partition).Position;

    private Entry EntryOf(int partition) => _entries.GetOrAdd(partition, _ => new Entry());

    private sealed class Entry
    {
        public int Epoch { get; set; }

        public long Position { get; set; } = LogOffset.None.Value;
    }
}
