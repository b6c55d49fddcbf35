using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>What one append does, and what another entry knows of it.</summary>
public sealed class AppendTests(PostgresFixture postgres)
{
    [Fact]
    public async Task An_event_is_in_the_log_once_whichever_entry_brings_it()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        (await one.ResultsAsync(Transactions.Many(1, 50))).ShouldAllBe(result => result == IntakeResult.Accepted);
        (await other.ResultsAsync(Transactions.Many(1, 60))).ShouldBe([.. Enumerable.Repeat(IntakeResult.Duplicate, 50), .. Enumerable.Repeat(IntakeResult.Accepted, 10)]);
        (await one.ResultsAsync(Transactions.Many(1, 60))).ShouldAllBe(result => result == IntakeResult.Duplicate);
        other.Records().Count.ShouldBe(120, "60 events, each for a customer and a terminal");
        (await one.Log.CountsAsync(Entry.Cancelled)).Values.ShouldHaveSingleItem().Accepted.ShouldBe(60);
    }

    [Fact]
    public async Task The_token_of_a_push_names_where_its_records_lie()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync(partitionCount: 4));
        for (int push = 0; push < 5; push++)
        {
            (_, SortedDictionary<int, long> positions) = await entry.PushWithPositionsAsync(Transactions.Many(push, 20, push * 20));
            foreach ((int partition, long offset) in positions)
            {
                entry.Log.DurableOffset(new PartitionId(partition)).ShouldBe(new LogOffset(offset));
            }
        }

        entry.FramesByPartition().Sum(frames => frames.Count).ShouldBe(200);
        entry.Log.DurableSequence.ShouldBe(new LogSequence(199));
    }

    [Fact]
    public async Task A_push_of_duplicates_alone_writes_nothing_and_knows_of_everything_before_it()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await one.PushAsync(Transactions.Many(1, 50));
        (await other.ResultsAsync(Transactions.Many(1, 50))).ShouldAllBe(result => result == IntakeResult.Duplicate);
        for (int partition = 0; partition < options.PartitionCount; partition++)
        {
            other.Log.DurableOffset(new PartitionId(partition)).ShouldBe(one.Log.DurableOffset(new PartitionId(partition)));
        }

        other.Log.DurableSequence.ShouldBe(one.Log.DurableSequence);
    }

    [Fact]
    public async Task Corrections_meet_the_version_that_another_entry_wrote()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await one.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 10), Transactions.Insert(2, 0, "ann", "t1", 10));
        (await other.ResultsAsync(Transactions.Upsert(1, 0, "bob", "t1", 12), Transactions.Delete(2), Transactions.Delete(3))).ShouldAllBe(result => result == IntakeResult.Accepted);
        (await one.ResultsAsync(Transactions.Upsert(1, 0, "bob", "t1", 12), Transactions.Delete(2), Transactions.Insert(3, 0, "ann", "t1", 1)))
            .ShouldBe([IntakeResult.Duplicate, IntakeResult.Duplicate, IntakeResult.Duplicate]);
        (await one.ResultsAsync(Transactions.Upsert(2, 5, "ann", "t1", 7), Transactions.Upsert(1, 0, "bob", "t1", 13))).ShouldAllBe(result => result == IntakeResult.Accepted);
        var standing = CorrectionModel.FinalVersions(one.Catalog, one.Records(), "two entries").OfType<Domain.Events.Value[]>().Select(fields => (fields[0].Int64, fields[4].Double)).Order();
        standing.ShouldBe([(1, 13.0), (2, 7.0)]);
        (await one.Log.CountsAsync(Entry.Cancelled)).Values.Single().Accepted.ShouldBe(2);
    }

    [Fact]
    public async Task A_chain_of_corrections_in_one_push_meets_itself()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync());
        (await entry.ResultsAsync(
            Transactions.Upsert(1, 0, "ann", "t1", 1), Transactions.Upsert(1, 1, "bob", "t1", 2), Transactions.Delete(1), Transactions.Upsert(1, 2, "cid", "t2", 3), Transactions.Upsert(1, 2, "cid", "t2", 3)))
            .ShouldBe([IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Duplicate]);
        CorrectionModel.FinalVersions(entry.Catalog, entry.Records(), "a chain")[0]![4].Double.ShouldBe(3);
    }

    [Fact]
    public async Task An_entity_that_keeps_only_summaries_refuses_the_correction_and_nothing_else()
    {
        List<PresenceQuestion> asked = [];
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry entry = await Entry.OpenAsync(options, presence: (questions, _) =>
        {
            asked.AddRange(questions);
            return Task.FromResult<IReadOnlyList<bool>>([.. questions.Select(question => question.Time != Transactions.At(7))]);
        });
        await entry.PushAsync(Transactions.Insert(1, 7, "ann", "t1", 1), Transactions.Insert(2, 8, "ann", "t1", 1));
        asked.ShouldBeEmpty("inserts ask nobody");
        CorrectionOutcome[] outcomes = await entry.PushAsync(Transactions.Delete(1), Transactions.Delete(2), Transactions.Insert(3, 9, "ann", "t1", 1));
        outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Refused, IntakeResult.Accepted, IntakeResult.Accepted]);
        outcomes[0].Note.Refusal!.Reason.ShouldContain("keeps only summaries");
        asked.Select(question => question.Time).Distinct().Order().ShouldBe([Transactions.At(7), Transactions.At(8)]);
    }

    [Fact]
    public async Task Entities_that_do_not_answer_fail_the_append_in_time_and_the_next_one_goes_in()
    {
        PostgresOptions options = await postgres.OptionsAsync() with { PresenceMax = TimeSpan.FromMilliseconds(200) };
        await using Entry entry = await Entry.OpenAsync(options, presence: (_, cancellation) => Task.Delay(Timeout.InfiniteTimeSpan, cancellation).ContinueWith<IReadOnlyList<bool>>(_ => [], TaskScheduler.Default));
        await entry.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1));
        (await Should.ThrowAsync<LogUnavailableException>(entry.PushAsync(Transactions.Delete(1)))).Message.ShouldContain("did not say within 0.2 s");
        (await entry.ResultsAsync(Transactions.Insert(2, 0, "ann", "t1", 1), Transactions.Insert(1, 0, "ann", "t1", 1))).ShouldBe([IntakeResult.Accepted, IntakeResult.Duplicate]);
    }

    [Fact]
    public async Task Without_waiting_a_full_queue_says_so_and_takes_nothing()
    {
        PostgresOptions options = await postgres.OptionsAsync() with { AppendQueueBytesMax = 1 };
        await using Entry entry = await Entry.OpenAsync(options);
        using IntakeBatch first = entry.Batch(Transactions.Many(1, 10));
        using IntakeBatch second = entry.Batch(Transactions.Many(2, 10, first: 100));
        using IntakeBatch third = entry.Batch(Transactions.Many(3, 10, first: 200));
        ValueTask<bool> under;
        ValueTask<bool> waiting;
        await using (HeldHead held = await HeldHead.TakeAsync(entry.Store))
        {
            under = entry.Log.AppendAsync(first, wait: false, Entry.Cancelled);
            (await entry.Log.AppendAsync(second, wait: false, Entry.Cancelled)).ShouldBeFalse();
            entry.Log.BytesHeld.ShouldBe(first.Bytes);
            using var patience = new CancellationTokenSource();
            waiting = entry.Log.AppendAsync(third, wait: true, patience.Token);
            await patience.CancelAsync();
            await Should.ThrowAsync<OperationCanceledException>(waiting.AsTask());
            waiting = entry.Log.AppendAsync(second, wait: true, Entry.Cancelled);
            await held.WaitersAsync(1);
            first.Corrections.ShouldAllBe(outcome => outcome.Result == IntakeResult.Pending);
        }

        (await under).ShouldBeTrue();
        (await waiting).ShouldBeTrue();
        entry.Log.BytesHeld.ShouldBe(0);
        third.Corrections.ShouldAllBe(outcome => outcome.Result == IntakeResult.Pending);
        entry.Records().Count.ShouldBe(40);
    }

    [Fact]
    public async Task What_waits_goes_in_together()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync());
        await entry.PushAsync(Transactions.Insert(0, 0, "ann", "t1", 1));
        Task[] pushes;
        await using (HeldHead held = await HeldHead.TakeAsync(entry.Store))
        {
            pushes = [.. Enumerable.Range(1, 20).Select(push => entry.PushAsync(Transactions.Insert(push, 0, "ann", "t1", 1)))];
            await held.WaitersAsync(1);
        }

        await Task.WhenAll(pushes);
        (await entry.Log.ReadMarksAsync(LogSequence.None, Entry.Cancelled)).Count.ShouldBeLessThanOrEqualTo(3, "one alone, one that was under way, and one of all that had gathered");
        entry.Records().Count.ShouldBe(42);
    }
}
