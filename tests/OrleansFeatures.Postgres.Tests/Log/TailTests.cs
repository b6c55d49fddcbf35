using Npgsql;
using OrleansFeatures.Conformance;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>What follows the ends of the partitions sees every record once, in order, whichever entry wrote it.</summary>
public sealed class TailTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Tails_of_every_entry_give_what_history_gives_whoever_wrote_it()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 8);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await one.PushAsync(Transactions.Many(1, 30));
        await using var early = new TailReader(one, LogOffset.None);
        await using var elsewhere = new TailReader(other, LogOffset.None);
        await Task.WhenAll(
            Task.Run(async () => { for (int push = 0; push < 20; push++) { await one.PushAsync(Transactions.Many(push, 10, 1_000 + (push * 10))); } }, Entry.Cancelled),
            Task.Run(async () => { for (int push = 0; push < 20; push++) { await other.PushAsync(Transactions.Many(push, 10, 5_000 + (push * 10))); } }, Entry.Cancelled));
        List<byte[]>[] history = await WholeHistoryAsync(one, other);
        history.Sum(frames => frames.Count).ShouldBe(2 * 430);
        await early.ReadToAsync(history);
        await elsewhere.ReadToAsync(history);
    }

    [Fact]
    public async Task A_tail_that_begins_in_the_middle_of_an_append_begins_there()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync(partitionCount: 1));
        await entry.PushAsync(Transactions.Many(1, 10));
        await entry.PushAsync(Transactions.Many(2, 10, first: 100));
        List<byte[]> history = entry.FramesByPartition()[0];
        for (int after = -1; after < history.Count - 1; after++)
        {
            await using PartitionTail tail = entry.Log.Tails.Open(new PartitionId(0), new LogOffset(after));
            List<byte[]> seen = [];
            long next = after + 1;
            while (seen.Count < history.Count - after - 1)
            {
                foreach (PartitionBatch batch in await tail.ReadAsync(1, Entry.Cancelled))
                {
                    batch.First.ShouldBe(new LogOffset(next));
                    next = batch.Last.Value + 1;
                    seen.AddRange(TailReader.Frames(batch));
                }
            }

            seen.ShouldBe(history[(after + 1)..]);
        }
    }

    [Fact]
    public async Task A_tail_that_nobody_reads_holds_a_bounded_part_and_gives_all_of_it_once_it_is_read()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 1);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await using PartitionTail unread = other.Log.Tails.Open(new PartitionId(0), LogOffset.None);
        for (int push = 0; push < 30; push++)
        {
            await one.PushAsync(Transactions.Many(push, 1_000, push * 1_000));
        }

        List<byte[]> history = one.FramesByPartition()[0];
        history.Sum(frame => (long)frame.Length).ShouldBeGreaterThan(2L * Limits.TailBytesMax, "there must be more than a tail holds");
        await other.Log.Tails.WaitDurableBeyondAsync(new PartitionId(0), new LogOffset(history.Count - 2), Entry.Cancelled);
        IReadOnlyList<PartitionBatch> held = await unread.ReadAsync(int.MaxValue, Entry.Cancelled);
        held.Sum(batch => (long)batch.Frames.Length).ShouldBeLessThan(Limits.TailBytesMax + (2 * 1_000 * 200));
        List<byte[]> seen = [.. held.SelectMany(TailReader.Frames)];
        while (seen.Count < history.Count)
        {
            seen.AddRange((await unread.ReadAsync(int.MaxValue, Entry.Cancelled)).SelectMany(TailReader.Frames));
        }

        seen.ShouldBe(history);
    }

    [Fact]
    public async Task A_read_that_is_cancelled_has_taken_nothing()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync(partitionCount: 1));
        await using PartitionTail tail = entry.Log.Tails.Open(new PartitionId(0), LogOffset.None);
        using var patience = new CancellationTokenSource();
        ValueTask<IReadOnlyList<PartitionBatch>> read = tail.ReadAsync(1, patience.Token);
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(read.AsTask());
        await entry.PushAsync(Transactions.Many(1, 5));
        (await tail.ReadAsync(int.MaxValue, Entry.Cancelled))[0].First.ShouldBe(new LogOffset(0));
    }

    [Fact]
    public async Task A_notification_that_is_lost_delays_and_does_no_more()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 4);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await using var reader = new TailReader(other, LogOffset.None);
        await one.PushAsync(Transactions.Many(1, 10));
        await other.KnowAsync(one.Log.DurableSequence);

        // Nobody is told of what is written past the log's own way.
        await using (NpgsqlCommand deaf = other.Store.DataSource.CreateCommand("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'orleans-features follow' AND query LIKE 'LISTEN%'"))
        {
            await deaf.ExecuteNonQueryAsync(Entry.Cancelled);
        }

        await one.PushAsync(Transactions.Many(2, 10, first: 100));
        await reader.ReadToAsync(one.FramesByPartition());
    }

    [Fact]
    public void A_head_tells_of_partitions_whose_notification_was_lost_behind_a_later_one()
    {
        var positions = new LogPositions(3);
        positions.Advance(new LogSequence(9), [(2, 4)]);
        Task moved = positions.Moved();
        positions.Advance(new LogHead(0, 10, [3, 2, 5], 0, 0));
        Enumerable.Range(0, 3).Select(partition => positions.DurableOf(new PartitionId(partition)).Value).ShouldBe([2, 1, 4]);
        moved.IsCompleted.ShouldBeTrue();
        positions.Moved().IsCompleted.ShouldBeFalse();
        positions.Advance(new LogSequence(5), [(0, 1)]);
        positions.DurableOf(new PartitionId(0)).ShouldBe(new LogOffset(2), "positions only grow");
        positions.Durable.ShouldBe(new LogSequence(9));
    }

    [Fact]
    public async Task An_append_that_touches_more_partitions_than_a_notification_names_reaches_all_of_them()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 2_048);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await using var reader = new TailReader(other, LogOffset.None);
        Push[] scattered = [.. Enumerable.Range(0, 4_000).Select(id => Transactions.Insert(id, 0, $"customer {id}", $"terminal {id}", 1))];
        await one.PushAsync(scattered);
        one.FramesByPartition().Count(frames => frames.Count > 0).ShouldBeGreaterThan(1_500);
        await reader.ReadToAsync(one.FramesByPartition());
    }

    [Fact]
    public async Task A_partition_is_read_from_anywhere_to_anywhere()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 2);
        await using Entry entry = await Entry.OpenAsync(options);
        for (int push = 0; push < 10; push++)
        {
            await entry.PushAsync(Transactions.Many(push, 7, push * 7));
        }

        List<byte[]> history = entry.FramesByPartition()[1];
        var random = new Random(4);
        for (int draw = 0; draw < 40; draw++)
        {
            int from = random.Next(history.Count);
            int through = random.Next(from, history.Count);
            List<byte[]> seen = [];
            await entry.Log.ReadPartitionAsync(new PartitionId(1), new LogOffset(from - 1), new LogOffset(through), batch =>
            {
                seen.AddRange(TailReader.Frames(batch));
                return ValueTask.CompletedTask;
            }, Entry.Cancelled);
            seen.ShouldBe(history[from..(through + 1)], $"{from} to {through}");
        }
    }

    [Fact]
    public async Task Marks_of_appends_come_in_order_and_say_where_each_ends()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 4);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        for (int push = 0; push < 10; push++)
        {
            await (push % 2 == 0 ? one : other).PushAsync(Transactions.Many(push, 3, push * 3));
        }

        await one.KnowAsync(other.Log.DurableSequence);
        IReadOnlyList<AppendMark> marks = await one.Log.ReadMarksAsync(LogSequence.None, Entry.Cancelled);
        marks.Count.ShouldBe(10);
        marks[0].First.ShouldBe(new LogSequence(0));
        marks.Zip(marks.Skip(1)).ShouldAllBe(pair => pair.First.Last.Value + 1 == pair.Second.First.Value && pair.First.CommittedAt.CompareTo(pair.Second.CommittedAt) <= 0);
        foreach (IGrouping<PartitionId, PartitionOffset> ends in marks.SelectMany(mark => mark.Ends).GroupBy(end => end.Partition))
        {
            ends.Last().Offset.ShouldBe(one.Log.DurableOffset(ends.Key));
        }

        var clocks = new StreamClocks(TimeProvider.System);
        marks[0].Marks.Tell(clocks);
        clocks.StreamTimeMicros(one.Catalog.Stream("transactions")!.Id).ShouldBe(Transactions.Many(0, 3).Max(push => push.Fields[1].Bits));
        (await one.Log.ReadMarksAsync(marks[4].Last, Entry.Cancelled)).Select(mark => mark.First).ShouldBe(marks.Skip(5).Select(mark => mark.First));
        one.Log.FirstWrittenSince(marks[7].CommittedAt).ShouldBe(marks.First(mark => mark.CommittedAt == marks[7].CommittedAt).First);
        one.Log.FirstWrittenSince(new Domain.Events.EventTime(marks[9].CommittedAt.Micros + 1)).ShouldBe(new LogSequence(60));
    }

    [Fact]
    public async Task Marks_wait_for_an_append_that_is_new_and_all_that_were_are_told_as_one()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 4);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        (await one.Log.ReadMarksSoFarAsync(Entry.Cancelled)).ShouldBeNull();
        await one.PushAsync(Transactions.Many(1, 3));
        await other.PushAsync(Transactions.Many(2, 3, first: 100).Select(push => push with { Producer = "other" }).ToArray());
        AppendMark soFar = (await one.Log.ReadMarksSoFarAsync(Entry.Cancelled))!;
        soFar.Last.ShouldBe(new LogSequence(11));
        soFar.Marks.WithEvents.Count().ShouldBe(2);
        soFar.Ends.ShouldAllBe(end => other.Log.DurableOffset(end.Partition) == end.Offset);

        AppendMark newest = (await other.Log.ReadMarksAsync(LogSequence.None, Entry.Cancelled))[^1];
        Task<IReadOnlyList<AppendMark>> behindItsFirst = one.Log.ReadMarksAsync(newest.First, Entry.Cancelled).AsTask();
        Task<IReadOnlyList<AppendMark>> behindItsLast = one.Log.ReadMarksAsync(soFar.Last, Entry.Cancelled).AsTask();
        await one.KnowAsync(soFar.Last);
        await one.ResultsAsync(Transactions.Many(1, 3));
        (behindItsFirst.IsCompleted || behindItsLast.IsCompleted).ShouldBeFalse("nothing has been appended since");
        await other.PushAsync(Transactions.Many(3, 1, first: 200));
        (await behindItsFirst).Single().First.ShouldBe(new LogSequence(12));
        (await behindItsLast).Single().First.ShouldBe(new LogSequence(12));
    }

    private static async Task<List<byte[]>[]> WholeHistoryAsync(Entry one, Entry other)
    {
        LogSequence end = one.Log.DurableSequence.CompareTo(other.Log.DurableSequence) > 0 ? one.Log.DurableSequence : other.Log.DurableSequence;
        await one.KnowAsync(end);
        return one.FramesByPartition();
    }
}
