using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Providers.Streams.Common;
using Orleans.Streams;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Streams;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Streams;

public sealed class LogQueueCacheTests
{
    private readonly LogDeliveries _deliveries = new(NullLogger<LogDeliveries>.Instance);
    private readonly LogQueueCache _cache;
    private long _offset;

    public LogQueueCacheTests() => _cache = new LogQueueCache(_deliveries);

    [Fact]
    public void A_delivery_takes_all_that_has_gathered_in_order()
    {
        IQueueCacheCursor cursor = _cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), null);
        cursor.MoveNext().ShouldBeFalse();
        Add(10);
        Add(10);
        Add(10);
        Take(cursor).ShouldBe([0, 1, 2]);
        cursor.MoveNext().ShouldBeFalse();
        Add(10);
        Take(cursor).ShouldBe([3]);
        _deliveries.Delivered.ShouldBe(2);
    }

    [Fact]
    public void What_has_gathered_is_one_batch_of_all_their_frames_and_ends_before_a_gap()
    {
        IQueueCacheCursor cursor = _cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), null);
        _cache.AddToCache([.. new LogBatch[] { new(0, 0, 1, [1, 2]), new(0, 2, 2, [3]), new(0, 4, 4, [4]) }.Select(batch => new LogBatchContainer(batch, null))]);
        cursor.MoveNext().ShouldBeTrue();
        LogBatch joined = cursor.GetCurrent(out _)!.GetEvents<LogBatch>().Single().Item1;
        (joined.First, joined.Last, Convert.ToHexString(joined.Frames)).ShouldBe((0, 2, "010203"));
        cursor.MoveNext().ShouldBeTrue();
        cursor.GetCurrent(out _)!.GetEvents<LogBatch>().Single().Item1.First.ShouldBe(4);
    }

    [Fact]
    public void A_delivery_is_bounded_by_bytes_but_carries_at_least_one_batch()
    {
        IQueueCacheCursor cursor = _cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), null);
        Add(Limits.DeliveryBytesMax / 2);
        Add(Limits.DeliveryBytesMax / 2);
        Add(1);
        Add(3 * Limits.DeliveryBytesMax);
        Add(1);
        Take(cursor).ShouldBe([0, 1]);
        Take(cursor).ShouldBe([2]);
        Take(cursor).ShouldBe([3]);
        Take(cursor).ShouldBe([4]);
    }

    [Theory]
    [InlineData(0, new long[] { 0, 1, 2 })]
    [InlineData(1, new long[] { 1, 2 })]
    [InlineData(7, new long[] { })]
    public void A_cursor_begins_at_the_batch_it_is_asked_for_and_behind_all_where_that_is_yet_to_come(long token, long[] expected)
    {
        Add(1);
        Add(1);
        Add(1);
        Take(_cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), new EventSequenceTokenV2(token))).ShouldBe(expected);
    }

    /// <summary>No token can be missed: one that lies before everything held begins at the oldest, which a PartitionGrain takes for a gap.</summary>
    [Fact]
    public void A_token_that_has_gone_begins_at_the_oldest_batch_held()
    {
        IQueueCacheCursor first = _cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), null);
        Add(1);
        Add(1);
        Take(first).ShouldBe([0, 1]);
        Add(1);
        Take(first).ShouldBe([2]);
        Take(_cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), new EventSequenceTokenV2(0))).ShouldBe([2]);
    }

    [Fact]
    public async Task The_receiver_waits_for_room_until_what_is_under_way_has_been_delivered()
    {
        IQueueCacheCursor cursor = _cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), null);
        Add(Limits.DeliveryBytesMax);
        await _cache.WaitForRoomAsync(Eventually.Token);
        Add(Limits.DeliveryBytesMax);
        Task room = _cache.WaitForRoomAsync(Eventually.Token).AsTask();
        cursor.MoveNext();
        room.IsCompleted.ShouldBeFalse("the first batch is under way, and held until it is delivered");
        cursor.MoveNext();
        await Eventually.Ends(room, "the wait for room");
    }

    [Fact]
    public async Task A_wait_for_room_can_be_cancelled()
    {
        _cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), null);
        Add(2 * Limits.DeliveryBytesMax);
        using var stop = new CancellationTokenSource();
        Task room = _cache.WaitForRoomAsync(stop.Token).AsTask();
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => Eventually.Ends(room, "a wait that was cancelled"));
    }

    [Fact]
    public void The_slowest_cursor_keeps_batches_and_the_last_one_takes_them_with_it()
    {
        IQueueCacheCursor fast = _cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), null);
        IQueueCacheCursor slow = _cache.GetCacheCursor(LogStream.IdOf(new PartitionId(0)), null);
        Add(100);
        Take(fast).ShouldBe([0]);
        fast.MoveNext().ShouldBeFalse();
        _cache.BytesHeld.ShouldBe(100);
        Take(slow).ShouldBe([0]);
        slow.MoveNext().ShouldBeFalse();
        _cache.BytesHeld.ShouldBe(0);
        Add(100);
        fast.Dispose();
        _cache.BytesHeld.ShouldBe(100);
        slow.Dispose();
        _cache.BytesHeld.ShouldBe(0);
    }

    private void Add(int bytes) => _cache.AddToCache([new LogBatchContainer(new LogBatch(0, _offset, _offset++, new byte[bytes]), null)]);

    /// <summary>The offsets of the next delivery.</summary>
    private static long[] Take(IQueueCacheCursor cursor)
    {
        if (!cursor.MoveNext())
        {
            return [];
        }

        LogBatch batch = ((LogBatchContainer)cursor.GetCurrent(out _)!).Batch;
        return [.. Enumerable.Range(0, (int)(batch.Last - batch.First) + 1).Select(index => batch.First + index)];
    }
}
