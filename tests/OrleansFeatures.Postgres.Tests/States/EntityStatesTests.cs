using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.States;

public sealed class EntityStatesTests(PostgresFixture postgres)
{
    private static readonly PartitionId Three = new(3);

    [Fact]
    public async Task A_partition_begins_before_its_first_record_and_goes_on_where_the_last_checkpoint_ended()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim first = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        first.ShouldBe(new PartitionClaim(Three, 1, 1, LogOffset.None));
        await states.Checkpoint(first, -1, 41, Rows.Of("a", 42, "one"));
        (await states.AcquireAsync(Three, "ben", 1, Rows.Cancelled)).ShouldBe(new PartitionClaim(Three, 2, 1, new LogOffset(41)));
        (await states.StandingsAsync(Rows.Cancelled)).ShouldBe([new PartitionStanding(Three, 2, 1, new LogOffset(41), "ben")]);
    }

    [Fact]
    public async Task A_row_comes_back_as_it_was_written_and_a_key_without_one_is_null()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        byte[] key = [0, 255, 7];
        await states.Checkpoint(claim, -1, 0, new EntityRow(uint.MaxValue, key, long.MaxValue, short.MinValue, new byte[] { 0, 1, 2 }), new EntityRow(0, Array.Empty<byte>(), 0, 0, Array.Empty<byte>()));
        EntityRow row = (await states.LoadAsync(1, Three, uint.MaxValue, key, Rows.Cancelled)).ShouldNotBeNull();
        (row.EntityType, row.Version, row.Format).ShouldBe((uint.MaxValue, long.MaxValue, short.MinValue));
        row.Key.ToArray().ShouldBe(key);
        row.State.ToArray().ShouldBe([0, 1, 2]);
        (await states.LoadAsync(1, Three, 0, Array.Empty<byte>(), Rows.Cancelled)).ShouldNotBeNull().State.Length.ShouldBe(0);
        (await states.LoadAsync(1, Three, 1, key, Rows.Cancelled)).ShouldBeNull("of another type");
        (await states.LoadAsync(1, new PartitionId(4), uint.MaxValue, key, Rows.Cancelled)).ShouldBeNull("in another partition");
        (await states.LoadAsync(2, Three, uint.MaxValue, key, Rows.Cancelled)).ShouldBeNull("of another generation");
    }

    [Fact]
    public async Task A_former_owner_can_write_nothing()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim old = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await states.Checkpoint(old, -1, 9, Rows.Of("a", 10, "of ana"));
        PartitionClaim now = await states.AcquireAsync(Three, "ben", 1, Rows.Cancelled);
        FencedException fenced = await Should.ThrowAsync<FencedException>(states.Checkpoint(old, 9, 20, Rows.Of("a", 99, "of a zombie"), Rows.Of("b", 1, "of a zombie")));
        (fenced.Partition, fenced.Message).ShouldBe((Three, fenced.Message));
        fenced.Message.ShouldContain("ben owns it with epoch 2");
        await Should.ThrowAsync<FencedException>(states.Checkpoint(old, 9, 9, Rows.Of("a", 99, "of a zombie")));
        (await Rows.All(store)).ShouldBe([$"1 3 {unchecked((int)Rows.Card)} a 10 of ana"]);
        await states.Checkpoint(now, 9, 12, Rows.Of("a", 13, "of ben"));
        (await states.Load(now, "a")).ShouldNotBeNull().Text().ShouldBe("of ben");
    }

    [Fact]
    public async Task An_owner_that_believes_in_another_position_is_refused()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await states.Checkpoint(claim, -1, 9, Rows.Of("a", 10, "ten"));
        await Should.ThrowAsync<FencedException>(states.Checkpoint(claim, 10, 20, Rows.Of("a", 11, "a record between 9 and 10 would be lost")));
        await Should.ThrowAsync<FencedException>(states.Checkpoint(claim, -1, 8, Rows.Of("a", 11, "back")));
        await Should.ThrowAsync<ArgumentOutOfRangeException>(states.Checkpoint(claim, 9, 8));
        await Should.ThrowAsync<FencedException>(states.CheckpointAsync(claim with { Partition = new PartitionId(5) }, LogOffset.None, new LogOffset(1), [], Rows.Cancelled));
        (await states.Load(claim, "a")).ShouldNotBeNull().Text().ShouldBe("ten");
    }

    [Fact]
    public async Task A_row_gives_way_to_a_higher_version_only()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await states.Checkpoint(claim, -1, 9, Rows.Of("a", 10, "ten"), Rows.Of("b", 3, "three"));
        await states.Checkpoint(claim, 9, 12, Rows.Of("a", 10, "ten again"), Rows.Of("b", 2, "two"), Rows.Of("c", 1, "new"));
        (await states.Load(claim, "a")).ShouldNotBeNull().Text().ShouldBe("ten");
        (await states.Load(claim, "b")).ShouldNotBeNull().Text().ShouldBe("three");
        (await states.Load(claim, "c")).ShouldNotBeNull().Text().ShouldBe("new");
        await states.Checkpoint(claim, 12, 12, Rows.Of("b", 13, "thirteen"));
        (await states.Load(claim, "b")).ShouldNotBeNull().Text().ShouldBe("thirteen");
    }

    [Fact]
    public async Task A_checkpoint_whose_answer_was_lost_is_repeated_and_goes_on()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await states.Checkpoint(claim, -1, 9, Rows.Of("a", 10, "ten"));
        await states.Checkpoint(claim, -1, 9, Rows.Of("a", 10, "ten"));
        await states.Checkpoint(claim, -1, 15, Rows.Of("a", 16, "sixteen"));
        (await states.StandingsAsync(Rows.Cancelled))[0].Applied.ShouldBe(new LogOffset(15));
        (await states.Load(claim, "a")).ShouldNotBeNull().Text().ShouldBe("sixteen");
    }

    [Fact]
    public async Task A_checkpoint_without_rows_moves_the_position()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        await states.Checkpoint(claim, -1, 7);
        await states.Checkpoint(claim, 7, 7);
        (await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled)).Applied.ShouldBe(new LogOffset(7));
    }

    [Fact]
    public async Task Newer_definitions_begin_anew_and_shut_out_the_older()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim old = await states.AcquireAsync(Three, "ana", 4, Rows.Cancelled);
        await states.Checkpoint(old, -1, 9, Rows.Of("a", 10, "four"), Rows.Of("b", 2, "four"));
        PartitionClaim now = await states.AcquireAsync(Three, "ana", 5, Rows.Cancelled);
        now.ShouldBe(new PartitionClaim(Three, 2, 5, LogOffset.None));
        (await states.Load(now, "a")).ShouldBeNull();
        await states.Checkpoint(now, -1, 3, Rows.Of("a", 4, "five"));
        await Should.ThrowAsync<FencedException>(states.Checkpoint(old, 9, 12, Rows.Of("a", 13, "four")));
        (await Should.ThrowAsync<FencedException>(states.AcquireAsync(Three, "ben", 4, Rows.Cancelled))).Message.ShouldContain("newer than generation 4");
        (await states.ConfirmAsync([now], Rows.Cancelled)).ShouldBe([now], "the refused attempt raised no epoch");
        (await states.Load(now, "a")).ShouldNotBeNull().Text().ShouldBe("five");
    }

    [Fact]
    public async Task Checkpoints_delete_the_rows_of_older_generations_of_their_partition_and_no_others()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        EntityRow[] rows = [.. Enumerable.Range(0, Limits.RowsForgottenAtOnce).Select(number => Rows.Of($"k{number}", 1, "x"))];
        PartitionClaim neighbour = await states.AcquireAsync(new PartitionId(4), "ana", 2, Rows.Cancelled);
        await states.Checkpoint(neighbour, -1, 1, Rows.Of("a", 1, "of another partition"));
        for (int generation = 1; generation <= 3; generation += 2)
        {
            // As by silos that ended before they came to deleting anything.
            PartitionClaim old = await new EntityStates(store, NullLogger.Instance).AcquireAsync(Three, "ana", generation, Rows.Cancelled);
            await using NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(Rows.Cancelled);
            await using NpgsqlBatch batch = CheckpointRows.Batch(connection, StateStatements.Upsert, old, rows);
            await batch.ExecuteNonQueryAsync(Rows.Cancelled);
        }

        PartitionClaim now = await states.AcquireAsync(Three, "ben", 5, Rows.Cancelled);
        await states.Checkpoint(now, -1, 1, Rows.Of("a", 1, "five"));
        (await Rows.Scalar(store, "SELECT count(*) FROM entities WHERE partition = 3 AND generation < 5")).ShouldBe(Limits.RowsForgottenAtOnce, "some at a time");
        (await Rows.Scalar(store, "SELECT count(*) FROM entities WHERE partition = 4")).ShouldBe(1);
        await states.Checkpoint(now, 1, 2);
        await states.Checkpoint(now, 2, 3);
        (await Rows.All(store)).ShouldBe([$"2 4 {unchecked((int)Rows.Card)} a 1 of another partition", $"5 3 {unchecked((int)Rows.Card)} a 1 five"]);
    }

    [Fact]
    public async Task Claims_stand_until_somebody_else_acquires()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim[] claims = [.. await Task.WhenAll(Enumerable.Range(0, 16).Select(number => states.AcquireAsync(new PartitionId(number), "ana", 1, Rows.Cancelled)))];
        (await states.ConfirmAsync(claims, Rows.Cancelled)).ShouldBe(claims, ignoreOrder: true);
        PartitionClaim taken = await states.AcquireAsync(Three, "ben", 1, Rows.Cancelled);
        (await states.ConfirmAsync(claims, Rows.Cancelled)).ShouldBe(claims.Where(claim => claim.Partition != Three), ignoreOrder: true);
        (await states.ConfirmAsync([taken, claims[3]], Rows.Cancelled)).ShouldBe([taken]);
        (await states.ConfirmAsync([], Rows.Cancelled)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Many_rows_of_many_sizes_are_written_as_one()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        var random = new Random(7);
        int[] sizes = [0, 1, 600, 2_000, 4_096, 9_000, 100_000, Limits.BytesPerStatement + 1, 20_000_000, .. Enumerable.Range(0, 2_000).Select(_ => random.Next(3_000))];
        EntityRow[] rows = [.. sizes.Select((size, place) => Rows.Of($"k{place}", 1, Bytes(random, size)))];
        await states.Checkpoint(claim, -1, 0, rows);
        foreach (EntityRow row in rows)
        {
            EntityRow back = (await states.LoadAsync(1, Three, row.EntityType, row.Key, Rows.Cancelled)).ShouldNotBeNull();
            back.State.Span.SequenceEqual(row.State.Span).ShouldBeTrue($"a state of {row.State.Length} bytes");
        }
    }

    [Fact]
    public async Task What_cannot_be_kept_is_refused_before_anything_is_sent()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(Three, "ana", 1, Rows.Cancelled);
        (await Should.ThrowAsync<ArgumentException>(states.Checkpoint(claim, -1, 1, Rows.Of("a", 1, "x"), Rows.Of("b", 1, "x"), Rows.Of("a", 2, "y")))).Message.ShouldContain("given twice");
        (await Should.ThrowAsync<ArgumentException>(states.Checkpoint(claim, -1, 1, Rows.Of(new string('k', Limits.EntityKeyBytesMax + 1), 1, "x")))).Message.ShouldContain($"at most {Limits.EntityKeyBytesMax}");
        var random = new Random(3);
        byte[] longest = Bytes(random, Limits.EntityKeyBytesMax);
        await states.Checkpoint(claim, -1, 1, new EntityRow(Rows.Card, longest, 1, 1, longest));
        (await states.LoadAsync(1, Three, Rows.Card, longest, Rows.Cancelled)).ShouldNotBeNull("the longest key fits the index, also one that does not compress");
    }

    private static byte[] Bytes(Random random, int size)
    {
        var bytes = new byte[size];
        random.NextBytes(bytes);
        return bytes;
    }
}
