using System.Text;
using System.Text.Json;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class ReconcileTests(StoreFixture fixture) : IClassFixture<StoreFixture>
{
    [Fact]
    public async Task A_running_store_is_compared_with_its_own_history()
    {
        var events = new StringBuilder("tx_id,tx_time,customer_id,terminal_id,amount,fraud\n");
        for (int id = 0; id < 5_000; id++)
        {
            events.Append(System.Globalization.CultureInfo.InvariantCulture, $"{id},{new Domain.Events.EventTime(1_522_540_800_000_000 + ((id * 7_919L) % 1_000_000 * 1_000_000))},{id % 300},{id % 40},{id % 97}.5,{id % 2}\n");
        }

        CommandRun push = await CommandRun.RunAsync(["push", "--server", fixture.Store.Grpc, "--stream", "transactions", "--file", "-"], Encoding.UTF8.GetBytes(events.ToString()));
        push.ExitCode.ShouldBe(0, push.Error);

        CommandRun all = await CommandRun.RunAsync(["reconcile", "--server", fixture.Store.Grpc, "--all", "--output", "json"]);
        all.ExitCode.ShouldBe(0, all.Error + all.Out);
        JsonElement report = JsonDocument.Parse(all.Out).RootElement;
        report.GetProperty("entities").GetInt64().ShouldBe(340);
        report.GetProperty("values").GetInt64().ShouldBeGreaterThan(340);
        report.GetProperty("difference_count").GetInt64().ShouldBe(0);

        CommandRun sample = await CommandRun.RunAsync(["reconcile", "--server", fixture.Store.Grpc, "--sample", "25", "--entity", "terminal"]);
        sample.ExitCode.ShouldBe(0, sample.Error + sample.Out);
        sample.Out.ShouldContain("25 entities (a sample, seed ");

        CommandRun unknown = await CommandRun.RunAsync(["reconcile", "--server", fixture.Store.Grpc, "--entity", "custmer"]);
        unknown.ExitCode.ShouldBe(1);
        unknown.Error.ShouldContain("there is no entity 'custmer'; did you mean 'customer'?");
    }
}
