using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Tests;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Grains;

public sealed class OutageTests
{
    [Fact]
    public async Task While_PostgreSQL_is_away_nothing_is_acknowledged_and_when_it_is_back_everything_goes_on_by_itself()
    {
        Assert.SkipUnless(PostgresServer.WhyNot() is null, PostgresServer.WhyNot() ?? "");
        await using PostgresServer server = await PostgresServer.StartAsync("max_connections=300");
        await using EntityCluster cluster = await EntityCluster.StartAsync(
            Transactions.Catalog(), silos: 2, options: given => given with { CheckpointEvery = TimeSpan.FromMilliseconds(200) }, database: await server.CreateDatabaseAsync());
        Push[] before = Transactions.Many(1, 100);
        await cluster[0].PushAsync(before);

        await server.StopAsync("QUIT");
        Push[] during = Transactions.Many(2, 50, first: 100);
        await Should.ThrowAsync<LogException>(() => cluster[0].AppendAsync(during));
        (await cluster[1].ReadAsync("customer", "c1", Transactions.At(3_599)))["count"].Scalar.ShouldBe(Value.Of(Count(before)), "what is in memory answers for some seconds");
        await server.StartAgainAsync();

        await Eventually.Is(() => TryPush(cluster, during), "events are taken again, the same as those that were not acknowledged");
        await cluster[0].WaitAllAppliedAsync();
        await cluster.SettledAsync();
        foreach (int silo in (int[])[0, 1])
        {
            (await cluster[silo].ReadAsync("customer", "c1", Transactions.At(3_599)))["count"].Scalar.ShouldBe(Value.Of(Count([.. before, .. during])));
        }

        await cluster[0].CheckpointAsync(Eventually.Token);
    }

    private static long Count(Push[] pushed) => pushed.Count(push => push.Fields[2].Text == "c1");

    private static bool TryPush(EntityCluster cluster, Push[] events)
    {
        try
        {
            cluster[0].AppendAsync(events).GetAwaiter().GetResult();
            return true;
        }
        catch (LogException)
        {
            return false;
        }
    }
}
