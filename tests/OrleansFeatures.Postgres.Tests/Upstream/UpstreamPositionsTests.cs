using OrleansFeatures.Postgres.Upstream;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Upstream;

public sealed class UpstreamPositionsTests(PostgresFixture postgres)
{
    private static readonly UpstreamPartition Third = new("orders", "3");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_position_is_kept_across_stores_and_each_partition_of_each_hub_has_its_own()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using (PostgresStore store = await PostgresFixture.OpenAsync(options))
        {
            var positions = new UpstreamPositions(store);
            (await positions.FindAsync(Third, Cancelled)).ShouldBeNull();
            (await positions.TryAdvanceAsync(Third, new UpstreamPosition(41, "4100"), Cancelled)).ShouldBeTrue();
            (await positions.TryAdvanceAsync(Third, new UpstreamPosition(42, "4200"), Cancelled)).ShouldBeTrue();
            (await positions.TryAdvanceAsync(new UpstreamPartition("orders", "4"), new UpstreamPosition(7, "700"), Cancelled)).ShouldBeTrue();
            (await positions.TryAdvanceAsync(new UpstreamPartition("returns", "3"), new UpstreamPosition(9, "x"), Cancelled)).ShouldBeTrue();
        }

        await using PostgresStore again = await PostgresFixture.OpenAsync(options);
        (await new UpstreamPositions(again).FindAsync(Third, Cancelled)).ShouldBe(new UpstreamPosition(42, "4200"));
    }

    [Fact]
    public async Task A_zombie_moves_no_position_back_and_learns_that_it_is_one()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var positions = new UpstreamPositions(store);
        await positions.TryAdvanceAsync(Third, new UpstreamPosition(42, "4200"), Cancelled);
        (await positions.TryAdvanceAsync(Third, new UpstreamPosition(41, "4100"), Cancelled)).ShouldBeFalse();
        (await positions.TryAdvanceAsync(Third, new UpstreamPosition(42, "other"), Cancelled)).ShouldBeFalse();
        (await positions.FindAsync(Third, Cancelled)).ShouldBe(new UpstreamPosition(42, "4200"));
    }

    [Fact]
    public async Task Of_many_that_move_a_position_at_once_the_furthest_wins()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var positions = new UpstreamPositions(store);
        await Task.WhenAll(Enumerable.Range(1, 64).Select(sequence => positions.TryAdvanceAsync(Third, new UpstreamPosition(sequence * 37 % 65, $"{sequence * 37 % 65}"), Cancelled)));
        (await positions.FindAsync(Third, Cancelled)).ShouldBe(new UpstreamPosition(64, "64"));
    }

    [Theory]
    [InlineData("orders/3", "orders", "3")]
    [InlineData("a.b-c/12", "a.b-c", "12")]
    public void A_partition_is_named_by_hub_and_number(string text, string hub, string partition)
    {
        UpstreamPartition.Parse(text).ShouldBe(new UpstreamPartition(hub, partition));
        new UpstreamPartition(hub, partition).ToString().ShouldBe(text);
    }

    [Fact]
    public void A_name_without_a_partition_is_refused() => Should.Throw<FormatException>(() => UpstreamPartition.Parse("orders")).Message.ShouldContain("hub/partition");
}
