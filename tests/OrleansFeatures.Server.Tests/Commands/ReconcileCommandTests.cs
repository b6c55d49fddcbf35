using System.Text.Json;
using OrleansFeatures.Server.Tests.EndToEnd;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Commands;

public sealed class ReconcileCommandTests
{
    private static readonly ReconcileResponse Report = new()
    {
        Complete = true,
        Counts = new ReconcileCounts { Entities = 1_234, Values = 50_000, Approximate = 3, OutsideRetention = 4, Rounded = 5, Differences = 1 },
        Differences =
        {
            new FeatureDifference
            {
                Entity = "customer", Key = { "596" }, Feature = "spend:nb_tx_1d", AsOfMicros = 1_522_540_800_000_000, LiveJson = "7", LiveStatus = FeatureStatus.Present, RecomputedJson = "null",
                RecomputedStatus = FeatureStatus.NullValue, StateVersion = 4_711, Partition = 12, Events = 90,
            },
        },
    };

    [Fact]
    public async Task A_difference_is_a_row_with_both_values_and_exit_code_1()
    {
        (CommandRun run, _) = await RunAsync([new ReconcileResponse { LogRecordsRead = 5, LogRecordsTotal = 10, Counts = new ReconcileCounts() }, Report]);
        run.ExitCode.ShouldBe(1, run.Error);
        string row = run.Out.Split('\n').Single(line => line.Contains("customer=596", StringComparison.Ordinal));
        foreach (string cell in (string[])["spend:nb_tx_1d", "2018-04-01T00:00:00Z", " 7 ", "null (NullValue)", "4,711", "12", "90"])
        {
            row.ShouldContain(cell);
        }

        run.Out.ShouldContain("1,234 entities (a sample, seed 7), 50,000 values compared: 1 differences, 0 entities do not answer");
        run.Out.ShouldContain("not comparable: 3 approximate, 4 outside retention; 5 agree but for rounding");
    }

    [Fact]
    public async Task As_json_both_values_are_values()
    {
        (CommandRun run, ReconcileRequest asked) = await RunAsync([Report], "--output", "json", "--sample", "50", "--entity", "customer");
        run.ExitCode.ShouldBe(1, run.Error);
        JsonElement difference = JsonDocument.Parse(run.Out).RootElement.GetProperty("differences")[0];
        difference.GetProperty("live").GetInt64().ShouldBe(7);
        difference.GetProperty("recomputed").ValueKind.ShouldBe(JsonValueKind.Null);
        difference.GetProperty("key")[0].GetString().ShouldBe("596");
        (asked.Sample, asked.Entity, asked.Seed).ShouldBe((50u, "customer", 7ul));
    }

    [Fact]
    public async Task An_entity_that_does_not_answer_is_exit_code_1_too()
    {
        var report = new ReconcileResponse
        {
            Complete = true,
            Counts = new ReconcileCounts { Entities = 2, Unreadable = 1 },
            Unreadable = { new UnreadableEntity { Entity = "customer", Key = { "5" }, Reason = "it met a bug" } },
        };
        (CommandRun run, ReconcileRequest asked) = await RunAsync([report], "--all");
        run.ExitCode.ShouldBe(1, run.Error);
        run.Out.ShouldContain("customer=5");
        run.Out.ShouldContain("it met a bug");
        asked.Sample.ShouldBe(0u);
    }

    [Fact]
    public async Task An_answer_that_ends_early_is_not_a_clean_bill()
    {
        (CommandRun run, _) = await RunAsync([new ReconcileResponse { LogRecordsRead = 5, LogRecordsTotal = 10, Counts = new ReconcileCounts() }]);
        run.ExitCode.ShouldBe(3);
        run.Error.ShouldContain("ended before the last message");
    }

    private static async Task<(CommandRun Run, ReconcileRequest Asked)> RunAsync(ReconcileResponse[] responses, params string[] options)
    {
        var admin = new FakeAdmin { Reconciled = responses };
        await using FakeStore store = await FakeStore.StartAsync(new FakeIngest(), admin: admin);
        return (await CommandRun.RunAsync(["reconcile", "--server", store.Address, "--seed", "7", .. options]), admin.Asked!);
    }
}
