using Orleans.Streams;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.Tests;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Tests.Upstream;

public sealed class UpstreamCheckpointerTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_receiver_begins_at_the_start_before_anything_was_taken_and_then_at_what_is_kept()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var positions = new UpstreamPositions(store);
        IStreamQueueCheckpointer<string> checkpointer = await new UpstreamCheckpointerFactory(positions, "orders").Create("3", Eventually.Token);
        (await checkpointer.Load(Eventually.Token)).ShouldBe("-1");
        checkpointer.CheckpointExists.ShouldBeFalse();
        await positions.TryAdvanceAsync(new UpstreamPartition("orders", "3"), new UpstreamPosition(42, "4200"), Eventually.Token);
        (await checkpointer.Load(Eventually.Token)).ShouldBe("4200");
        checkpointer.CheckpointExists.ShouldBeTrue();
    }

    [Fact]
    public async Task What_a_provider_says_of_its_cache_moves_nothing()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var positions = new UpstreamPositions(store);
        IStreamQueueCheckpointer<string> checkpointer = await new UpstreamCheckpointerFactory(positions, "orders").Create("3", Eventually.Token);
        checkpointer.Update("9900", DateTime.UtcNow, Eventually.Token);
        await checkpointer.FlushAsync(Eventually.Token);
        (await positions.FindAsync(new UpstreamPartition("orders", "3"), Eventually.Token)).ShouldBeNull();
    }
}
