using Npgsql;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>Connections that end at any moment, a server that goes and comes, a silo that hangs in its append, rows that are damaged.</summary>
public sealed class TroubleTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_connection_is_cut_and_when_every_event_counts_once_and_tails_have_no_gap(int seed)
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 8);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await using var tailsOfOne = new TailReader(one, LogOffset.None);
        await using var tailsOfOther = new TailReader(other, LogOffset.None);
        using var done = new CancellationTokenSource();
        long taken = 0;
        Task<int> cutting = CutAsync(options, new Random(seed), () => Interlocked.Read(ref taken), done.Token);
        Task[] pushing = [.. Enumerable.Range(0, 6).Select(connection => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + connection);
            for (int step = 0; step < 40; step++)
            {
                Push[] batch = [.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => CorrectionModel.Draw(random, ids: 20)), .. Transactions.Many(step, 5, 1_000 + (step * 5))];
                (await (connection % 2 == 0 ? one : other).PushUntilTakenAsync(batch)).ShouldAllBe(outcome => outcome.Result == IntakeResult.Accepted || outcome.Result == IntakeResult.Duplicate);
                Interlocked.Increment(ref taken);
            }
        }, Entry.Cancelled))];
        await Task.WhenAll(pushing);
        await done.CancelAsync();
        int cuts = await cutting;

        await one.PushUntilTakenAsync(Transactions.Insert(9_999, 0, "ann", "t1", 1));
        string context = $"seed {seed}, {cuts} connections cut";
        cuts.ShouldBeGreaterThan(10, context);
        List<byte[]>[] history = one.FramesByPartition();
        Value[]?[] versions = CorrectionModel.FinalVersions(one.Catalog, one.Records(), context, out Dictionary<long, bool> deleted);
        Enumerable.Range(1_000, 200).ShouldAllBe(id => deleted.ContainsKey(id), context);
        (await one.Log.CountsAsync(Entry.Cancelled)).Values.Single().Accepted.ShouldBe(versions.Count(fields => fields is not null), context);
        await tailsOfOne.ReadToAsync(history);
        await tailsOfOther.ReadToAsync(history);
    }

    [Fact]
    public async Task An_idle_entry_whose_connections_were_cut_appends_as_if_nothing_had_been()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry entry = await Entry.OpenAsync(options);
        await entry.PushAsync(Transactions.Many(1, 5));
        await CutOnceAsync(options, "true");
        (await entry.ResultsAsync(Transactions.Many(2, 5, first: 100))).ShouldAllBe(result => result == IntakeResult.Accepted);
    }

    [Fact]
    public async Task A_silo_that_hangs_in_its_append_is_cut_off_and_the_others_go_on()
    {
        using var hung = new ManualResetEventSlim();
        using var asked = new SemaphoreSlim(0);
        PostgresOptions options = await postgres.OptionsAsync() with { AppendIdleMax = TimeSpan.FromMilliseconds(500), PresenceMax = TimeSpan.FromMilliseconds(250) };
        await using Entry hanging = await Entry.OpenAsync(options, presence: (questions, cancellation) =>
        {
            // As a process that is stopped: not even the time it is given passes for it.
            asked.Release();
            hung.Wait(Entry.Cancelled);
            return Entry.EverybodyCan(questions, cancellation);
        });
        await using Entry other = await Entry.OpenAsync(options);
        await hanging.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1));
        Task<CorrectionOutcome[]> stuck = hanging.PushAsync(Transactions.Upsert(1, 0, "ann", "t1", 2), Transactions.Insert(2, 0, "ann", "t1", 1));
        try
        {
            await asked.WaitAsync(Entry.Cancelled);
            (await other.ResultsAsync(Transactions.Insert(2, 0, "bob", "t1", 1), Transactions.Upsert(1, 0, "ann", "t1", 3))).ShouldAllBe(result => result == IntakeResult.Accepted);
            stuck.IsCompleted.ShouldBeFalse();
        }
        finally
        {
            // Also when something above fails: whoever ends the store waits for its appends.
            hung.Set();
        }

        (await Should.ThrowAsync<LogUnavailableException>(stuck)).Message.ShouldContain("send the batch again");
        (await hanging.ResultsAsync(Transactions.Upsert(1, 0, "ann", "t1", 2), Transactions.Insert(2, 0, "ann", "t1", 1))).ShouldBe([IntakeResult.Accepted, IntakeResult.Duplicate]);
        CorrectionModel.FinalVersions(other.Catalog, hanging.Records(), "a hung silo").Length.ShouldBe(2);
    }

    [Fact]
    public async Task While_postgresql_is_away_appends_are_refused_at_once_and_go_in_when_it_is_back()
    {
        Assert.SkipWhen(PostgresServer.WhyNot() is not null, PostgresServer.WhyNot() ?? "");
        await using PostgresServer server = await PostgresServer.StartAsync("fsync=off");
        var options = new PostgresOptions { ConnectionString = await server.CreateDatabaseAsync(), PartitionCount = 4 };
        await using Entry entry = await Entry.OpenAsync(options);
        await using var tails = new TailReader(entry, LogOffset.None);
        await entry.PushAsync(Transactions.Many(1, 20));
        foreach (string signal in (string[])["INT", "QUIT"])
        {
            await server.StopAsync(signal);
            LogUnavailableException refused = await Should.ThrowAsync<LogUnavailableException>(entry.PushAsync(Transactions.Many(2, 20, first: 100)));
            refused.Message.ShouldContain("end the batch again");
            await Should.ThrowAsync<LogUnavailableException>(entry.PushAsync(Transactions.Many(2, 20, first: 100)));
            entry.Log.Unavailable.ShouldNotBeNull();
            Should.Throw<LogUnavailableException>(() => entry.Records());
            await server.StartAgainAsync();
            await entry.PushUntilTakenAsync(Transactions.Many(2, 20, first: 100));
        }

        (await entry.PushUntilTakenAsync(Transactions.Many(3, 20, first: 200))).ShouldAllBe(outcome => outcome.Result == IntakeResult.Accepted);
        entry.Log.Unavailable.ShouldBeNull();
        entry.Records().Count.ShouldBe(120);
        await tails.ReadToAsync(entry.FramesByPartition());
    }

    /// <summary>A commit that waits for a replica that does not exist is durable here already, and its connection can be cut before it has said so.</summary>
    [Fact]
    public async Task An_append_whose_connection_is_lost_after_its_commit_is_not_acknowledged_and_its_retry_finds_it_there()
    {
        Assert.SkipWhen(PostgresServer.WhyNot() is not null, PostgresServer.WhyNot() ?? "");
        await using PostgresServer server = await PostgresServer.StartAsync("fsync=off");
        var options = new PostgresOptions { ConnectionString = await server.CreateDatabaseAsync(), PartitionCount = 4 };
        await using Entry entry = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await using var tails = new TailReader(other, LogOffset.None);
        await entry.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1));
        await server.ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        await server.ExecuteAsync("SELECT pg_reload_conf()");
        Push[] push = [Transactions.Insert(2, 0, "ann", "t1", 1), Transactions.Upsert(1, 0, "bob", "t1", 2)];
        Task<CorrectionOutcome[]> lost;
        do
        {
            // Until the configuration has come through, appends are acknowledged as before.
            lost = entry.PushAsync(push = [push[0] with { Fields = Transactions.Of(push[0].Fields[0].Int64 + 1, 0, "ann", "t1", 1) }, .. push[1..]]);
            while (!lost.IsCompleted && await CutOnceAsync(options, "wait_event = 'SyncRep'") == 0)
            {
                await Task.Yield();
            }
        }
        while (await Task.WhenAny(lost) is { IsCompletedSuccessfully: true });

        (await Should.ThrowAsync<LogUnavailableException>(lost)).Message.ShouldContain("may or may not be found in the log");
        await server.ExecuteAsync("ALTER SYSTEM RESET synchronous_standby_names");
        await server.ExecuteAsync("SELECT pg_reload_conf()");
        (await entry.PushUntilTakenAsync(push)).ShouldAllBe(outcome => outcome.Result == IntakeResult.Duplicate);
        CorrectionModel.FinalVersions(entry.Catalog, entry.Records(), "a commit without an answer").Length.ShouldBe((int)push[0].Fields[0].Int64 - 1);
        entry.Log.DurableSequence.ShouldBe(new LogSequence(entry.Records().Count - 1));
        await tails.ReadToAsync(entry.FramesByPartition());
    }

    [Fact]
    public async Task A_row_that_is_damaged_is_refused_by_history_by_tails_and_by_corrections()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 1);
        await using Entry entry = await Entry.OpenAsync(options);
        await entry.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1));
        await entry.PushAsync(Transactions.Insert(2, 0, "ann", "t1", 1));
        await ExecuteAsync(entry.Store, "UPDATE log_records SET frames = set_byte(frames, 60, get_byte(frames, 60) # 4) WHERE first_offset = 0");
        Should.Throw<LogCorruptException>(() => entry.Records()).Message.ShouldContain("log_records");
        await Should.ThrowAsync<LogCorruptException>(entry.PushAsync(Transactions.Delete(1)));
        (await entry.ResultsAsync(Transactions.Delete(2))).ShouldBe([IntakeResult.Accepted]);
        Task<CorrectionOutcome[]>[] together;
        await using (HeldHead held = await HeldHead.TakeAsync(entry.Store))
        {
            Task<CorrectionOutcome[]> ahead = entry.PushAsync(Transactions.Insert(3, 0, "ann", "t1", 1));
            await held.WaitersAsync(1);
            together = [ahead, entry.PushAsync(Transactions.Insert(4, 0, "ann", "t1", 1)), entry.PushAsync(Transactions.Upsert(1, 0, "bob", "t1", 1)), entry.PushAsync(Transactions.Upsert(4, 0, "bob", "t1", 1))];
        }

        await Should.ThrowAsync<LogCorruptException>(together[2]);
        (await together[1])[0].Result.ShouldBe(IntakeResult.Accepted, "its neighbour's trouble is not its own");
        (await together[3])[0].Result.ShouldBe(IntakeResult.Accepted);
        await using PartitionTail tail = entry.Log.Tails.Open(new PartitionId(0), new LogOffset(0));
        await Should.ThrowAsync<LogCorruptException>(async () => await tail.ReadAsync(1, Entry.Cancelled));
    }

    [Fact]
    public async Task Definitions_that_another_silo_has_changed_stop_appends_until_this_one_has_them_too()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry entry = await Entry.OpenAsync(options);
        List<long> told = [];
        entry.Log.DefinitionsMoved = told.Add;
        entry.Log.UseDefinitions(entry.Catalog, 0);
        await entry.PushAsync(Transactions.Many(1, 5));
        await ExecuteAsync(entry.Store, "UPDATE log_head SET definitions_generation = 1");
        await Should.ThrowAsync<DefinitionsChangedException>(entry.PushAsync(Transactions.Many(2, 5, first: 100)));
        told.ShouldBe([1]);
        var next = Transactions.Catalog(terminals: false);
        entry.Log.UseDefinitions(next, 1);
        await Should.ThrowAsync<DefinitionsChangedException>(entry.PushAsync(Transactions.Many(2, 5, first: 100)));
        entry.Catalog = next;
        (await entry.ResultsAsync(Transactions.Many(2, 5, first: 100))).ShouldAllBe(result => result == IntakeResult.Accepted);
        entry.Records().Count.ShouldBe(15);
    }

    [Fact]
    public async Task Closing_appends_what_waits_and_refuses_what_comes()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry entry = await Entry.OpenAsync(options);
        await using PostgresStore store = await PostgresFixture.OpenAsync(options);
        Task<CorrectionOutcome[]>[] pushes;
        Task closing;
        await using (HeldHead held = await HeldHead.TakeAsync(store))
        {
            pushes = [.. Enumerable.Range(0, 5).Select(push => entry.PushAsync(Transactions.Insert(push, 0, "ann", "t1", 1)))];
            await held.WaitersAsync(1);
            closing = entry.Log.DisposeAsync().AsTask();
        }

        await closing;
        (await Task.WhenAll(pushes)).ShouldAllBe(outcomes => outcomes[0].Result == IntakeResult.Accepted);
        await Should.ThrowAsync<ObjectDisposedException>(entry.PushAsync(Transactions.Insert(9, 0, "ann", "t1", 1)));
    }

    /// <summary>
    /// Cuts connections of the log at random, appends preferably in the middle, until it is told to stop. After each cut some push gets in before the next: on a busy machine scissors are faster than any append. Returns how many.
    /// </summary>
    private static async Task<int> CutAsync(PostgresOptions options, Random random, Func<long> taken, CancellationToken stop)
    {
        int cuts = 0;
        while (!stop.IsCancellationRequested)
        {
            string whom = random.Next(4) switch
            {
                0 => "application_name LIKE '%follow'",
                1 => "application_name LIKE '%append' AND query LIKE '%COMMIT%'",
                _ => "application_name LIKE '%append' AND state <> 'idle'",
            };
            long before = taken();
            int cut = await CutOnceAsync(options, whom + " AND random() < 0.3");
            cuts += cut;
            while (cut > 0 && taken() == before && !stop.IsCancellationRequested)
            {
                await Task.Yield();
            }
        }

        return cuts;
    }

    private static async Task<int> CutOnceAsync(PostgresOptions options, string whom)
    {
        await using var connection = new NpgsqlConnection(options.ConnectionString + ";Application Name=scissors");
        await connection.OpenAsync(Entry.Cancelled);
        await using var cut = new NpgsqlCommand($"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'orleans-features%' AND {whom}", connection);
        return (int)(long)(await cut.ExecuteScalarAsync(Entry.Cancelled))!;
    }

    private static async Task ExecuteAsync(PostgresStore store, string sql)
    {
        await using NpgsqlCommand command = store.DataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Entry.Cancelled);
    }
}
