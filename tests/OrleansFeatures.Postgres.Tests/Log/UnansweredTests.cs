using Microsoft.Extensions.Logging;
using Npgsql;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>Whoever appends hears what became of it, also where the loop of appends comes to an end that nobody reckoned with.</summary>
public sealed class UnansweredTests(PostgresFixture postgres)
{
    /// <summary>No append of these tests takes a tenth of it; one that nobody answers fails the test by it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task When_the_loop_ends_unexpectedly_what_is_under_way_what_waits_and_what_comes_are_refused()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry entry = await Entry.OpenAsync(options, logger: new LoggerThatFails());
        Task<CorrectionOutcome[]>[] told;
        await using (HeldHead held = await HeldHead.TakeAsync(entry.Store))
        {
            Task<CorrectionOutcome[]> underWay = entry.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1));
            await held.WaitersAsync(1);
            told = [underWay, entry.PushAsync(Transactions.Insert(2, 0, "ann", "t1", 1))];
            await CutAppendsAsync(options);
        }

        foreach (Task<CorrectionOutcome[]> append in told)
        {
            (await Should.ThrowAsync<LogUnavailableException>(append.WaitAsync(Patience, Entry.Cancelled))).Message.ShouldContain("appends have ended unexpectedly (as a test wants it); start this process anew");
        }

        (await Should.ThrowAsync<LogUnavailableException>(entry.PushAsync(Transactions.Insert(3, 0, "ann", "t1", 1)).WaitAsync(Patience, Entry.Cancelled))).Message.ShouldContain("start this process anew");
        entry.Log.Unavailable.ShouldNotBeNull();
    }

    [Fact]
    public async Task What_is_queued_behind_the_batch_that_loses_its_connection_while_the_log_is_closed_is_told_too()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry entry = await Entry.OpenAsync(options);
        await using PostgresStore other = await PostgresFixture.OpenAsync(options);
        Task<CorrectionOutcome[]> underWay;
        Task<CorrectionOutcome[]> queued;
        Task closing;
        await using (HeldHead held = await HeldHead.TakeAsync(other))
        {
            underWay = entry.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1));
            await held.WaitersAsync(1);

            // Read against other definitions, so it goes in another transaction than whatever waits before it.
            entry.Catalog = Transactions.Catalog(terminals: false);
            queued = entry.PushAsync(Transactions.Insert(2, 0, "ann", "t1", 1));
            closing = entry.Log.DisposeAsync().AsTask();
            await CutAppendsAsync(options);
            await closing.WaitAsync(Patience, Entry.Cancelled);
        }

        await Should.ThrowAsync<LogUnavailableException>(underWay.WaitAsync(Patience, Entry.Cancelled));
        (await Should.ThrowAsync<LogUnavailableException>(queued.WaitAsync(Patience, Entry.Cancelled))).Message.ShouldContain("the log was closed while PostgreSQL could not be reached");
    }

    /// <summary>PostgreSQL ends a transaction that is idle for <see cref="PostgresOptions.AppendIdleMax"/>, and nobody is told of it who does not ask: an append that waited inside would have no connection any more, and wait for ever.</summary>
    [Fact]
    public async Task An_append_that_would_wait_for_another_batch_inside_its_transaction_fails_at_once_and_the_next_goes_in()
    {
        await using Entry entry = await Entry.OpenAsync(await postgres.OptionsAsync());
        var held = new HeldTarget(entry.Log);
        using IntakeBatch foreign = entry.Intake.Begin(entry.Catalog, new MemoryStream());
        Transactions.Upsert(1, 0, "bob", "t1", 1).AddTo(foreign);
        Task<bool> standsInLine = new BatchAppend(held, entry.Intake, static (_, _, _, _) => true, foreign).RunAsync(wait: true, Entry.Cancelled).AsTask();
        standsInLine.IsCompleted.ShouldBeFalse();

        try
        {
            Task<CorrectionOutcome[]> behind = entry.PushAsync(Transactions.Upsert(1, 0, "ann", "t1", 1));
            (await Should.ThrowAsync<InvariantException>(behind.WaitAsync(Patience, Entry.Cancelled))).Message.ShouldContain("waits inside its transaction");
            (await entry.ResultsAsync(Transactions.Insert(2, 0, "ann", "t1", 1))).ShouldBe([IntakeResult.Accepted]);
        }
        finally
        {
            // Whatever waits behind it can go on, and the entry be closed.
            held.Fail();
        }

        await Should.ThrowAsync<LogUnavailableException>(standsInLine);
        (await entry.ResultsAsync(Transactions.Upsert(1, 0, "ann", "t1", 1))).ShouldBe([IntakeResult.Accepted]);
    }

    private static async Task CutAppendsAsync(PostgresOptions options)
    {
        await using var connection = new NpgsqlConnection(options.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(Entry.Cancelled);
        await using var cut = new NpgsqlCommand("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'orleans-features append'", connection);
        (await cut.ExecuteScalarAsync(Entry.Cancelled)).ShouldBe(1L);
    }

    /// <summary>Throws where the loop says that an append has failed, which is where nothing may go wrong any more.</summary>
    private sealed class LoggerThatFails : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == "AppendFailed")
            {
                throw new InvalidOperationException("as a test wants it");
            }
        }
    }

    /// <summary>A log that takes a batch and does not say what became of it until it is told to.</summary>
    private sealed class HeldTarget(PostgresLog log) : IAppendTarget
    {
        private readonly TaskCompletionSource<AppendReceipt?> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Fail() => _done.SetException(new LogUnavailableException("as a test wants it"));

        public ValueTask<AppendReceipt?> AppendAsync(AppendBatch records, bool wait, CancellationToken cancellationToken) => new(_done.Task);

        public IRecordLookup Lookup() => log.Lookup();
    }
}
