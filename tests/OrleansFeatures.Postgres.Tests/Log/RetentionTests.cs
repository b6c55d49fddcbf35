using Npgsql;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>What goes when nobody needs it, and what is then said of it.</summary>
public sealed class RetentionTests(PostgresFixture postgres)
{
    private static readonly EventTime Ever = EventTime.Never;

    [Fact]
    public async Task Records_go_only_behind_every_partitions_checkpoint()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync(partitionCount: 2));
        for (int push = 0; push < 10; push++)
        {
            await entry.PushAsync(Transactions.Many(push, 10, push * 10));
        }

        (await entry.Log.DropRecordsBeforeAsync(new LogSequence(100), Ever, Entry.Cancelled)).ShouldBe(0, "no partition has a checkpoint");
        IReadOnlyList<AppendMark> marks = await entry.Log.ReadMarksAsync(LogSequence.None, Entry.Cancelled);
        await CheckpointAsync(entry, 0, long.MaxValue);
        (await entry.Log.DropRecordsBeforeAsync(new LogSequence(100), Ever, Entry.Cancelled)).ShouldBe(0, "partition 1 has none");
        await CheckpointAsync(entry, 1, marks[3].Ends.Single(end => end.Partition.Value == 1).Offset.Value);
        (await entry.Log.DropRecordsBeforeAsync(new LogSequence(100), new EventTime(marks[0].CommittedAt.Micros), Entry.Cancelled)).ShouldBe(0, "none is that old");
        (await entry.Log.DropRecordsBeforeAsync(new LogSequence(50), Ever, Entry.Cancelled)).ShouldBe(40, "the third append ends behind sequence 50");
        (await entry.Log.DropRecordsBeforeAsync(new LogSequence(200), Ever, Entry.Cancelled)).ShouldBe(40);
        entry.Log.FirstSequence.ShouldBe(new LogSequence(80));

        entry.Records().Count.ShouldBe(120);
        var none = default(Nobody);
        Should.Throw<LogTruncatedException>(() => entry.Log.Read(new LogSequence(79), new LogSequence(100), ref none, Entry.Cancelled)).FirstSequence.ShouldBe(new LogSequence(80));
        using (IRecordLookup lookup = entry.Log.Lookup())
        {
            Should.Throw<LogTruncatedException>(() => lookup.Find(new LogSequence(3)));
            lookup.Find(new LogSequence(80)).Sequence.ShouldBe(new LogSequence(80));
            lookup.Find(new LogSequence(199)).Sequence.ShouldBe(new LogSequence(199));
            Should.Throw<ArgumentOutOfRangeException>(() => lookup.Find(new LogSequence(200)));
        }

        long newest = Enumerable.Range(0, 4).SelectMany(push => Transactions.Many(push, 10)).Max(push => push.Fields[1].Bits);
        (await entry.Log.CountsAsync(Entry.Cancelled)).Values.Single().ShouldSatisfyAllConditions(
            counts => counts.Floor.ShouldBe(new EventTime(newest)), counts => counts.Accepted.ShouldBe(100));
    }

    [Fact]
    public async Task Another_silo_learns_of_it_though_nobody_tells_it_and_its_wait_has_all_but_run_out()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 1);
        await using Entry entry = await Entry.OpenAsync(options);
        var clock = new FollowersClock(step: TimeSpan.TicksPerSecond - (TimeSpan.TicksPerMillisecond / 2));
        await using Entry other = await Entry.OpenAsync(options, clock);
        await entry.PushAsync(Transactions.Many(1, 10));
        await other.KnowAsync(entry.Log.DurableSequence);
        await CheckpointAsync(entry, 0, long.MaxValue);
        (await entry.Log.DropRecordsBeforeAsync(new LogSequence(20), Ever, Entry.Cancelled)).ShouldBe(20);

        // The follower asks its clock as it has looked at the head, as it begins to wait and as it has waited: one that asks so many times more has looked at least once more.
        await clock.AskedAgainAsync(times: 4).WaitAsync(TimeSpan.FromSeconds(30), Entry.Cancelled);
        other.Log.FirstSequence.ShouldBe(new LogSequence(20));
    }

    [Fact]
    public async Task A_silo_that_reads_what_is_gone_learns_of_it_at_once_and_one_that_meets_a_hole_says_so()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 1);
        await using Entry entry = await Entry.OpenAsync(options);
        for (int push = 0; push < 4; push++)
        {
            await entry.PushAsync(Transactions.Many(push, 5, push * 5));
        }

        var clock = new FollowersClock(step: 0);
        await using Entry other = await Entry.OpenAsync(options, clock);
        await clock.AskedAgainAsync(times: 1);
        await CheckpointAsync(entry, 0, long.MaxValue);
        (await entry.Log.DropRecordsBeforeAsync(new LogSequence(20), Ever, Entry.Cancelled)).ShouldBe(20);
        other.Log.FirstSequence.ShouldBe(new LogSequence(0), "its follower has looked once, and by its clock no time passes until it looks again");
        Should.Throw<LogTruncatedException>(() => other.Records()).FirstSequence.ShouldBe(new LogSequence(20));
        other.Log.FirstSequence.ShouldBe(new LogSequence(20));
        other.Records().Count.ShouldBe(20);

        foreach (string table in (string[])["log_records WHERE append_sequence", "log_appends WHERE first_sequence"])
        {
            await using NpgsqlCommand lose = entry.Store.DataSource.CreateCommand($"DELETE FROM {table} = 20");
            await lose.ExecuteNonQueryAsync(Entry.Cancelled);
        }

        Should.Throw<LogCorruptException>(() => other.Records()).Message.ShouldContain("it should hold sequence 20, and goes on with 30");
        other.Log.FirstSequence.ShouldBe(new LogSequence(20), "what is lost must not pass for dropped: nobody knows what is missing by it");
    }

    /// <summary>By its timestamps, so many ticks lie between any two looks at it. While nobody appends, only the follower looks.</summary>
    private sealed class FollowersClock(long step) : TimeProvider
    {
        private readonly SemaphoreSlim _asked = new(0);
        private long _looks;
        private int _awaited;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp()
        {
            if (Interlocked.Decrement(ref _awaited) >= 0)
            {
                _asked.Release();
            }

            return Interlocked.Increment(ref _looks) * step;
        }

        /// <summary>Completes when it has been asked so many times from now on.</summary>
        public async Task AskedAgainAsync(int times)
        {
            Volatile.Write(ref _awaited, times);
            for (int time = 0; time < times; time++)
            {
                await _asked.WaitAsync(Entry.Cancelled);
            }
        }
    }

    [Fact]
    public async Task What_history_no_longer_has_cannot_be_corrected_and_is_a_duplicate_still()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync(partitionCount: 2));
        await entry.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1));
        await entry.PushAsync(Transactions.Insert(2, 0, "ann", "t1", 1));
        await CheckpointAsync(entry, 0, long.MaxValue);
        await CheckpointAsync(entry, 1, long.MaxValue);
        await entry.Log.DropRecordsBeforeAsync(new LogSequence(2), Ever, Entry.Cancelled);
        CorrectionOutcome[] outcomes = await entry.PushAsync(Transactions.Upsert(1, 0, "bob", "t1", 1), Transactions.Upsert(2, 0, "bob", "t1", 1), Transactions.Insert(1, 0, "ann", "t1", 1));
        outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Refused, IntakeResult.Accepted, IntakeResult.Duplicate]);
        outcomes[0].Note.Refusal!.Reason.ShouldContain("older than the raw history");
    }

    [Fact]
    public async Task A_tail_that_wants_what_was_dropped_says_where_the_partition_begins_now()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync(partitionCount: 1));
        await entry.PushAsync(Transactions.Many(1, 5));
        await entry.PushAsync(Transactions.Many(2, 5, first: 100));
        await CheckpointAsync(entry, 0, long.MaxValue);
        await entry.Log.DropRecordsBeforeAsync(new LogSequence(10), Ever, Entry.Cancelled);
        await using PartitionTail tail = entry.Log.Tails.Open(new PartitionId(0), LogOffset.None);
        (await Should.ThrowAsync<PartitionTruncatedException>(async () => await tail.ReadAsync(1, Entry.Cancelled))).First.ShouldBe(new LogOffset(10));
        await Should.ThrowAsync<PartitionTruncatedException>(entry.Log.ReadPartitionAsync(new PartitionId(0), LogOffset.None, new LogOffset(15), _ => ValueTask.CompletedTask, Entry.Cancelled));
        await entry.Log.DropRecordsBeforeAsync(new LogSequence(20), Ever, Entry.Cancelled);
        (await Should.ThrowAsync<PartitionTruncatedException>(async () => await tail.ReadAsync(1, Entry.Cancelled))).First.ShouldBe(new LogOffset(20));
    }

    [Fact]
    public async Task Ids_that_are_forgotten_are_refused_by_every_entry_and_stay_counted()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        uint stream = one.Catalog.Stream("transactions")!.Id;
        await one.PushAsync([.. Enumerable.Range(0, 5_000).Select(id => Transactions.Insert(id, id, "ann", "t1", 1))]);
        await one.PushAsync(Transactions.Delete(7), Transactions.Upsert(8, 4_000, "bob", "t1", 1));
        (await one.Log.ForgetIdsThroughAsync(stream, Transactions.At(2_999), Entry.Cancelled)).ShouldBe(2_998, "3,000 but for the one that was moved and the one that was deleted at the end");
        CorrectionOutcome[] outcomes = await other.PushAsync(
            Transactions.Insert(3, 3, "ann", "t1", 1), Transactions.Insert(3_500, 3_500, "ann", "t1", 1), Transactions.Upsert(4, 4, "ann", "t1", 1), Transactions.Insert(9_000, 3_000, "ann", "t1", 1), Transactions.Delete(8));
        outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Refused, IntakeResult.Duplicate, IntakeResult.Refused, IntakeResult.Accepted, IntakeResult.Accepted]);
        outcomes[0].Note.Refusal!.Reason.ShouldContain("have been forgotten");
        (await one.Log.CountsAsync(Entry.Cancelled)).Values.Single().ShouldSatisfyAllConditions(
            counts => counts.Accepted.ShouldBe(4_999), counts => counts.Forgotten.ShouldBe(2_998), counts => counts.ForgottenThrough.ShouldBe(Transactions.At(2_999)));

        await using Entry later = await Entry.OpenAsync(options);
        (await later.ResultsAsync(Transactions.Insert(5, 5, "ann", "t1", 1))).ShouldBe([IntakeResult.Refused]);
    }

    [Fact]
    public async Task While_there_is_nothing_to_forget_history_can_be_filled_in()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync());
        uint stream = entry.Catalog.Stream("transactions")!.Id;
        await entry.PushAsync(Transactions.Insert(1, 100_000, "ann", "t1", 1));
        (await entry.Log.ForgetIdsThroughAsync(stream, Transactions.At(50_000), Entry.Cancelled)).ShouldBe(0);
        (await entry.ResultsAsync(Transactions.Insert(2, 10, "ann", "t1", 1), Transactions.Insert(3, 20, "ann", "t1", 1))).ShouldAllBe(result => result != IntakeResult.Refused);
        (await entry.Log.ForgetIdsThroughAsync(stream, Transactions.At(50_000), Entry.Cancelled)).ShouldBe(2);
        (await entry.ResultsAsync(Transactions.Insert(4, 20, "ann", "t1", 1), Transactions.Insert(5, 21, "ann", "t1", 1)))
            .Select(result => result == IntakeResult.Refused).ShouldBe([true, false]);
    }

    [Fact]
    public async Task Producers_beyond_what_a_clock_remembers_go_the_longest_silent_first()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync());
        uint stream = entry.Catalog.Stream("transactions")!.Id;
        await entry.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1) with { Producer = "newest" });
        await using (NpgsqlCommand old = entry.Store.DataSource.CreateCommand("INSERT INTO producers SELECT stream, convert_to('p' || n, 'UTF8'), 0, n, 0, 0 FROM producers, generate_series(1, 10005) AS n"))
        {
            await old.ExecuteNonQueryAsync(Entry.Cancelled);
        }

        await entry.Log.ForgetIdsThroughAsync(stream, new EventTime(0), Entry.Cancelled);
        await using NpgsqlCommand kept = entry.Store.DataSource.CreateCommand("SELECT string_agg(convert_from(producer, 'UTF8'), ' ' ORDER BY arrival) FROM (SELECT * FROM producers WHERE arrival < 10 OR arrival > 10005) AS ends");
        (await kept.ExecuteScalarAsync(Entry.Cancelled)).ShouldBe("p7 p8 p9 newest");
    }

    [Fact]
    public async Task Finished_records_go_in_behind_the_events_of_their_group()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync(partitionCount: 2));
        await entry.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1));
        byte[] copy = entry.Records()[1];
        using var batch = new AppendBatch();
        batch.Add(new PartitionId(1), copy);
        AppendReceipt receipt = (await entry.Log.Finished.AppendAsync(batch, wait: true, Entry.Cancelled))!.Value;
        receipt.ShouldBe(new AppendReceipt(new LogSequence(2), new LogSequence(2)));
        entry.Records()[2].ShouldBe(copy);
        using IRecordLookup lookup = entry.Log.Lookup();
        lookup.Find(receipt.First).Payload.ToArray().ShouldBe(copy);
    }

    private static async Task CheckpointAsync(Entry entry, int partition, long applied)
    {
        await using NpgsqlCommand command = entry.Store.DataSource.CreateCommand(
            "INSERT INTO partitions (partition, epoch, applied, owner, generation) VALUES ($1, 1, $2, 'ana', 0) ON CONFLICT (partition) DO UPDATE SET applied = excluded.applied");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = partition });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = applied });
        await command.ExecuteNonQueryAsync(Entry.Cancelled);
    }

    private struct Nobody : ILogVisitor
    {
        public readonly bool Visit(LogRecord record) => true;
    }
}
