using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using Shouldly;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>Reads all partitions of one entry to their ends, and checks on the way that no offset is left out or given twice.</summary>
internal sealed class TailReader : IAsyncDisposable
{
    private readonly PartitionTail[] _tails;
    private readonly List<byte[]>[] _seen;

    public TailReader(Entry entry, LogOffset after)
    {
        _tails = [.. Enumerable.Range(0, entry.Log.PartitionCount).Select(partition => entry.Log.Tails.Open(new PartitionId(partition), after))];
        _seen = [.. _tails.Select(_ => new List<byte[]>())];
    }

    public static IEnumerable<byte[]> Frames(PartitionBatch batch)
    {
        List<byte[]> frames = [];
        foreach (LogRecord record in LogRecords.Of(batch.Frames, "a tail"))
        {
            record.Partition.ShouldBe(batch.Partition);
            frames.Add(record.Frame.ToArray());
        }

        frames.Count.ShouldBe((int)(batch.Last.Value - batch.First.Value + 1));
        return frames;
    }

    /// <summary>Waits for everything that history has, and compares.</summary>
    public async Task ReadToAsync(List<byte[]>[] history)
    {
        for (int partition = 0; partition < _tails.Length; partition++)
        {
            while (_seen[partition].Count < history[partition].Count)
            {
                foreach (PartitionBatch batch in await _tails[partition].ReadAsync(4_096, Entry.Cancelled))
                {
                    batch.First.ShouldBe(new LogOffset(_seen[partition].Count), $"partition {partition}");
                    _seen[partition].AddRange(Frames(batch));
                }
            }

            _seen[partition].ShouldBe(history[partition], $"partition {partition}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (PartitionTail tail in _tails)
        {
            await tail.DisposeAsync();
        }
    }
}
