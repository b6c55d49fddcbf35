using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.States;

/// <summary>Sessions that end in the middle, or do not end.</summary>
public sealed class CutOffTests(PostgresFixture postgres)
{
    private static readonly PartitionId Three = new(3);

    [Fact]
    public async Task A_checkpoint_whose_session_is_ended_in_the_middle_leaves_nothing_and_can_be_repeated()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await states.Checkpoint(claim, -1, 9, Rows.Of("x", 10, "ten"));
        EntityRow[] rows = [.. Enumerable.Range(0, 2_000).Select(number => Rows.Of($"k{number:0000}", 20, "twenty")), Rows.Of("x", 20, "twenty")];
        Task writing;
        await using (NpgsqlConnection other = await store.DataSource.OpenConnectionAsync(Rows.Cancelled))
        {
            // Whoever holds the last row stops the checkpoint behind the first 2,000.
            await using NpgsqlTransaction holding = await other.BeginTransactionAsync(Rows.Cancelled);
            await using var hold = new NpgsqlCommand("SELECT 1 FROM entities FOR UPDATE", other);
            await hold.ExecuteNonQueryAsync(Rows.Cancelled);
            writing = states.Checkpoint(claim, 9, 20, rows);
            await Rows.WaitUntilBlocked(store, 1);
            (await Rows.Scalar(store, "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).ShouldBe(1);
            StatesException failure = await Should.ThrowAsync<StatesException>(writing);
            failure.IsTransient.ShouldBeTrue(failure.Message);
            failure.Message.ShouldContain("partition 3");
        }

        (await Rows.All(store)).Count.ShouldBe(1);
        (await states.StandingsAsync(Rows.Cancelled))[0].Applied.ShouldBe(new LogOffset(9));
        await states.Checkpoint(claim, 9, 20, rows);
        (await Rows.Scalar(store, "SELECT count(*) FROM entities WHERE version = 20")).ShouldBe(2_001);
    }

    [Fact]
    public async Task A_checkpoint_that_is_cancelled_leaves_nothing()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await states.Checkpoint(claim, -1, 9, Rows.Of("x", 10, "ten"));
        using var cancel = new CancellationTokenSource();
        await using (NpgsqlConnection other = await store.DataSource.OpenConnectionAsync(Rows.Cancelled))
        {
            await using NpgsqlTransaction holding = await other.BeginTransactionAsync(Rows.Cancelled);
            await using var hold = new NpgsqlCommand("SELECT 1 FROM entities FOR UPDATE", other);
            await hold.ExecuteNonQueryAsync(Rows.Cancelled);
            Task writing = states.CheckpointAsync(claim, new LogOffset(9), new LogOffset(20), [Rows.Of("a", 20, "twenty"), Rows.Of("x", 20, "twenty")], cancel.Token);
            await Rows.WaitUntilBlocked(store, 1);
            await cancel.CancelAsync();
            await Should.ThrowAsync<OperationCanceledException>(writing);
        }

        (await Rows.All(store)).ShouldBe([$"1 3 {unchecked((int)Rows.Card)} x 10 ten"]);
        await states.Checkpoint(claim, 9, 9);
    }

    [Fact]
    public async Task A_former_owner_that_was_stopped_in_the_middle_of_a_write_is_cut_off()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim old = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await using NpgsqlConnection zombie = await store.DataSource.OpenConnectionAsync(Rows.Cancelled);
        await using NpgsqlTransaction open = await zombie.BeginTransactionAsync(Rows.Cancelled);
        await using (var move = new NpgsqlCommand(StateStatements.Move, zombie))
        {
            foreach (long value in (long[])[old.Epoch, old.Generation, -1, 50])
            {
                move.Parameters.Add(StateStatements.Value(value));
            }

            move.Parameters.Insert(0, StateStatements.Value(Three.Value));
            (await move.ExecuteNonQueryAsync(Rows.Cancelled)).ShouldBe(1);
        }

        // Two at once: one waits for the zombie, the other for the first, and neither takes the other for a zombie.
        PartitionClaim[] claims = await Task.WhenAll(states.AcquireAsync(Three, "ben", 1, Rows.Cancelled), states.AcquireAsync(Three, "cid", 1, Rows.Cancelled));
        claims.Select(claim => claim.Epoch).Order().ShouldBe([2, 3]);
        claims.ShouldAllBe(claim => claim.Applied == LogOffset.None);
        await Should.ThrowAsync<NpgsqlException>(open.CommitAsync(Rows.Cancelled));
    }

    [Fact]
    public async Task Cancelling_an_acquisition_that_waits_ends_it()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await using NpgsqlConnection other = await store.DataSource.OpenConnectionAsync(Rows.Cancelled);
        await using NpgsqlTransaction holding = await other.BeginTransactionAsync(Rows.Cancelled);
        await using var hold = new NpgsqlCommand("SELECT 1 FROM partitions FOR UPDATE", other);
        await hold.ExecuteNonQueryAsync(Rows.Cancelled);
        using var cancel = new CancellationTokenSource();
        Task<PartitionClaim> acquiring = states.AcquireAsync(Three, "ben", 1, cancel.Token);
        await Rows.WaitUntilBlocked(store, 1);
        await cancel.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(acquiring);
    }

    [Fact]
    public async Task A_server_that_is_gone_is_said_to_be_so_and_used_again_when_it_is_back()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await states.Checkpoint(claim, -1, 9, Rows.Of("a", 10, "ten"));
        string database = new NpgsqlConnectionStringBuilder(store.DataSource.ConnectionString).Database!;
        await postgres.Server.ExecuteAsync($"ALTER DATABASE {database} ALLOW_CONNECTIONS false");
        await postgres.Server.ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
        (await Should.ThrowAsync<StatesException>(states.Load(claim, "a"))).Message.ShouldStartWith("loading entities: ");
        await Should.ThrowAsync<StatesException>(states.Checkpoint(claim, 9, 10));
        await Should.ThrowAsync<StatesException>(states.ConfirmAsync([claim], Rows.Cancelled));
        await Should.ThrowAsync<StatesException>(states.AcquireAsync(Three, "ben", 1, Rows.Cancelled));
        await postgres.Server.ExecuteAsync($"ALTER DATABASE {database} ALLOW_CONNECTIONS true");
        (await states.Load(claim, "a")).ShouldNotBeNull().Text().ShouldBe("ten");
        await states.Checkpoint(claim, 9, 10);
    }
}
