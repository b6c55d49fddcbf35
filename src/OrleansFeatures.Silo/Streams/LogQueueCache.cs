using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Orleans.Streams;

namespace OrleansFeatures.Silo.Streams;

// Batches of one partition between its receiver and its grain.
//
//        delivered, let go │ under way        gathered for the next call  │
//     ─────────────────────┼──────────────────┬──────────────────────────┼───
//                          ^ cursor.From      ^ cursor.Next              ^ the receiver adds here, while held bytes < QueueBytesMax
//
// Orleans's own caches are made for many streams in a queue, for readers that come back to an old place, and for receivers that ask on a timer. Here a queue has one stream and that has one reader, its
// PartitionGrain, which owns its position and reads from the log whatever it lacks. So:
//
//   * Nobody rewinds. A cursor starts at the batch that it is asked for, or at the oldest that is held, and only goes on; there is no token that could match nothing, and so no queue that stalls.
//   * A delivery takes all that has gathered, as one batch. Under load calls grow and do not queue up, to the partition's grain and from there to each entity.
//   * Pressure is not a flag that an agent finds on its next tick. The receiver waits for room before it reads, so what an agent sees is a read that takes longer.
//   * When the last cursor goes, what is held goes with it: nobody is there to take it, and whoever comes next finds the gap.

/// <summary>The cache of one queue. Used by its pulling agent, in the agent's turns: one thread at a time.</summary>
internal sealed class LogQueueCache(LogDeliveries deliveries) : IQueueCache
{
    private readonly List<LogBatch> _held = [];
    private readonly List<LogQueueCursor> _cursors = [];
    private long _first;
    private long _bytes;
    private TaskCompletionSource? _room;

    /// <summary>Bytes of frames that are held, those under way included.</summary>
    public long BytesHeld => Volatile.Read(ref _bytes);

    /// <summary>Completes when the receiver may read on.</summary>
    public async ValueTask WaitForRoomAsync(CancellationToken ct)
    {
        while (BytesHeld >= Limits.QueueBytesMax)
        {
            _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await _room.Task.WaitAsync(ct);
        }
    }

    /// <summary>No limit by count: the receiver itself waits for room.</summary>
    public int GetMaxAddCount() => QueueAdapterConstants.UNLIMITED_GET_QUEUE_MSG;

    public bool IsUnderPressure() => false;

    public void AddToCache(IList<IBatchContainer> messages)
    {
        foreach (LogBatch batch in messages.Cast<LogBatchContainer>().Select(message => message.Batch))
        {
            _held.Add(batch);
            _bytes += batch.Frames.Length;
        }
    }

    /// <summary>Nothing waits for a purge: batches go as soon as they are delivered, and the log does not want to hear of it.</summary>
    public bool TryPurgeFromCache([MaybeNullWhen(false)] out IList<IBatchContainer> purgedItems)
    {
        purgedItems = null;
        return false;
    }

    public IQueueCacheCursor GetCacheCursor(StreamId streamId, StreamSequenceToken? token)
    {
        int behind = token is null ? 0 : _held.FindIndex(batch => batch.Last >= token.SequenceNumber);
        var cursor = new LogQueueCursor(this, _first + (behind < 0 ? _held.Count : behind));
        _cursors.Add(cursor);
        return cursor;
    }

    /// <summary>What has gathered from a place on, as one batch: up to one delivery and at least one append, and nothing behind a gap; null where nothing has. Says where the next begins.</summary>
    internal LogBatchContainer? Gather(long from, out long next)
    {
        next = from;
        long bytes = 0;
        while (next - _first < _held.Count && (next == from || (bytes + At(next).Frames.Length <= Limits.DeliveryBytesMax && At(next).First == At(next - 1).Last + 1)))
        {
            bytes += At(next++).Frames.Length;
        }

        if (next == from)
        {
            return null;
        }

        deliveries.CountDelivery();
        return new LogBatchContainer(LogBatch.Joined(CollectionsMarshal.AsSpan(_held).Slice((int)(from - _first), (int)(next - from))), deliveries);
    }

    /// <summary>Lets go of what every cursor has behind it, and of everything where none is left.</summary>
    internal void Trim()
    {
        long keep = _cursors.Count == 0 ? _first + _held.Count : _cursors.Min(cursor => cursor.From);
        int count = (int)(keep - _first);
        if (count == 0)
        {
            return;
        }

        for (int index = 0; index < count; index++)
        {
            _bytes -= _held[index].Frames.Length;
        }

        _held.RemoveRange(0, count);
        _first = keep;
        if (BytesHeld < Limits.QueueBytesMax)
        {
            _room?.TrySetResult();
            _room = null;
        }
    }

    internal void Remove(LogQueueCursor cursor)
    {
        _cursors.Remove(cursor);
        Trim();
    }

    private LogBatch At(long place) => _held[(int)(place - _first)];
}

/// <summary>One reader's place in a queue's cache.</summary>
internal sealed class LogQueueCursor(LogQueueCache cache, long start) : IQueueCacheCursor
{
    private LogBatchContainer? _current;

    /// <summary>Where what is under way begins; what lies before it is delivered.</summary>
    public long From { get; private set; } = start;

    /// <summary>Where the next delivery begins.</summary>
    public long Next { get; private set; } = start;

    public IBatchContainer? GetCurrent(out Exception? exception)
    {
        exception = null;
        return _current;
    }

    public bool MoveNext()
    {
        From = Next;
        cache.Trim();
        _current = cache.Gather(From, out long next);
        Next = next;
        return _current is not null;
    }

    /// <summary>New batches lie behind this place by themselves.</summary>
    public void Refresh(StreamSequenceToken token)
    {
    }

    /// <summary>The delivery was given up; <see cref="LogDeliveries"/> hears of it, and the cursor goes on.</summary>
    public void RecordDeliveryFailure()
    {
    }

    public void Dispose() => cache.Remove(this);
}
