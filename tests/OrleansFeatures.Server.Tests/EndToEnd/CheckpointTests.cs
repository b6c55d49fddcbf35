using System.Text.Json;
using Grpc.Net.Client;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>Checkpoints, replay and skipped damage as an operator meets them: a real store, started, killed and asked.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    private string Data => _directory.File("data");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task After_a_checkpoint_and_a_kill_the_store_starts_from_it_with_the_same_values()
    {
        await using (StoreProcess store = await StoreProcess.StartAsync(Data, options: ["--checkpoint-interval", "1h", "--entity-idle", "1h"]))
        {
            await PushAsync(store, 0, 5_000);
            (await StatusAsync(store)).GetProperty("checkpoint").GetProperty("log_records_behind").GetInt64().ShouldBe(10_000, "a customer's and a terminal's copy of each event");
            CommandRun table = await CommandRun.RunAsync(["checkpoint", "--server", store.Grpc]);
            table.ExitCode.ShouldBe(0, table.Error);
            table.Out.ShouldContain("0 records");
            JsonElement checkpoint = JsonDocument.Parse((await CommandRun.RunAsync(["checkpoint", "--server", store.Grpc, "--output", "json"])).Out).RootElement;
            checkpoint.GetProperty("number").GetInt64().ShouldBeGreaterThan(0);
            checkpoint.GetProperty("through_sequence").GetInt64().ShouldBe(9_999);
            await PushAsync(store, 5_000, 1_000);
            await store.KillAsync();
        }

        await using StoreProcess again = await StoreProcess.StartAsync(Data, options: ["--checkpoint-interval", "1h"]);
        JsonElement status = await StatusAsync(again);
        status.GetProperty("streams")[0].GetProperty("accepted").GetInt64().ShouldBe(6_000);
        status.GetProperty("checkpoint").GetProperty("log_records_behind").GetInt64().ShouldBe(2_000);
        await ShouldReconcileAsync(again, entities: 55);
    }

    [Fact]
    public async Task An_orderly_end_leaves_nothing_to_replay()
    {
        await using (StoreProcess store = await StoreProcess.StartAsync(Data, options: ["--checkpoint-interval", "1h"]))
        {
            await PushAsync(store, 0, 1_000);
            (await store.TerminateAsync()).ExitCode.ShouldBe(0, store.Error);
        }

        CommandRun inspect = await CommandRun.RunAsync(["state", "inspect", "--data", Data]);
        inspect.Out.ShouldContain("everything through sequence 1,999 of the log");
        (await CommandRun.RunAsync(["state", "verify", "--data", Data])).ExitCode.ShouldBe(0);
        await using StoreProcess again = await StoreProcess.StartAsync(Data);
        (await StatusAsync(again)).GetProperty("checkpoint").GetProperty("log_records_behind").GetInt64().ShouldBe(0);
        await ShouldReconcileAsync(again, entities: 55);
    }

    [Fact]
    public async Task A_replay_from_the_start_gives_the_same_values_and_one_from_later_says_what_it_no_longer_knows()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(Data);
        await PushAsync(store, 0, 2_000);
        CommandRun whole = await CommandRun.RunAsync(["replay", "--server", store.Grpc, "--from", "start"]);
        whole.ExitCode.ShouldBe(0, whole.Error);
        whole.Out.ShouldContain("4,000 records replayed from sequence 0; the new state answers");
        await ShouldReconcileAsync(store, entities: 55);

        CommandRun part = await CommandRun.RunAsync(["replay", "--server", store.Grpc, "--from", "3000", "--output", "json"]);
        part.ExitCode.ShouldBe(0, part.Error);
        JsonElement done = JsonDocument.Parse(part.Out).RootElement;
        (done.GetProperty("first_sequence").GetInt64(), done.GetProperty("records_replayed").GetInt64()).ShouldBe((3_000, 1_000));
        CommandRun get = await CommandRun.RunAsync(["get", "--server", store.Grpc, "--service", "fraud", "--entity", "customer=7", "--entity", "terminal=2", "--as-of", "stream", "--output", "json"]);
        get.Out.ShouldContain("OUTSIDE_RETENTION");

        CommandRun beyond = await CommandRun.RunAsync(["replay", "--server", store.Grpc, "--from", "999999"]);
        beyond.ExitCode.ShouldBe(1);
        beyond.Error.ShouldContain("sequence: the log holds 0 to 3999, not 999999");
        await PushAsync(store, 2_000, 100);
        CommandRun written = await CommandRun.RunAsync(["replay", "--server", store.Grpc, "--from", "2020-01-01T00:00:00Z"]);
        written.ExitCode.ShouldBe(0, written.Error);
        written.Out.ShouldContain("4,200 records replayed from sequence 0");
        await ShouldReconcileAsync(store, entities: 55);
    }

    [Fact]
    public async Task A_damaged_checkpoint_is_refused_by_name_and_set_aside_when_asked_at_no_loss()
    {
        await using (StoreProcess store = await StoreProcess.StartAsync(Data))
        {
            await PushAsync(store, 0, 1_000);
            await store.TerminateAsync();
        }

        // The very end of a state file is its footer, which is looked at when the store is opened.
        string file = Directory.GetFiles(Path.Combine(Data, "state"), "*.data", SearchOption.AllDirectories).MaxBy(path => new FileInfo(path).Length)!;
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        CommandRun refused = await CommandRun.RunAsync(["serve", "--data", Data, "--grpc", "0", "--http", "0"]);
        refused.ExitCode.ShouldBe(1);
        refused.Error.ShouldContain(file);

        await using StoreProcess again = await StoreProcess.StartAsync(Data, options: ["--recover", "skip"]);
        again.Error.ShouldContain("set aside");
        Directory.GetFiles(Path.Combine(Data, "state"), Path.GetFileName(file) + ".damaged-*", SearchOption.AllDirectories).ShouldHaveSingleItem();
        JsonElement status = await StatusAsync(again);
        status.GetProperty("losses").GetArrayLength().ShouldBe(0, "the log has all of it");
        status.GetProperty("streams")[0].GetProperty("accepted").GetInt64().ShouldBe(1_000);
        await ShouldReconcileAsync(again, entities: 55);
    }

    [Fact]
    public async Task Damage_in_the_log_is_refused_by_name_and_skipped_when_asked_with_a_report_that_stays()
    {
        await using (StoreProcess store = await StoreProcess.StartAsync(Data))
        {
            for (int batch = 0; batch < 5; batch++)
            {
                await PushAsync(store, batch * 100, 100);
            }

            await store.TerminateAsync();
        }

        // Without checkpoints everything must come from the log.
        Directory.Delete(Path.Combine(Data, "state"), recursive: true);
        string segment = Path.Combine(Data, "log", "segment-000000000001.log");
        byte[] bytes = File.ReadAllBytes(segment);
        bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(segment, bytes);
        string[] serve = ["serve", "--data", Data, "--grpc", "0", "--http", "0"];
        CommandRun refused = await CommandRun.RunAsync(serve);
        refused.ExitCode.ShouldBe(1);
        refused.Error.ShouldContain(segment);
        refused.Out.ShouldBeEmpty();

        for (int start = 0; start < 2; start++)
        {
            // The second start is not asked to skip: what was accepted once is known.
            await using StoreProcess store = await StoreProcess.StartAsync(Data, options: start == 0 ? ["--recover", "skip"] : []);
            JsonElement status = await StatusAsync(store);
            status.GetProperty("losses")[0].GetString().ShouldStartWith(segment);
            status.GetProperty("streams")[0].GetProperty("accepted").GetInt64().ShouldBe(400, "one batch of a hundred is gone, whole");
            (await CommandRun.RunAsync(["log", "inspect", "--data", Data])).Out.ShouldContain("SKIPPED  ");
            await ShouldReconcileAsync(store, entities: 55);
            await store.TerminateAsync();

            // Only now: what stands on standard error may be read after what stands on standard output.
            store.Error.ShouldContain($"orleans-features: lost with skipped damage: {segment}, bytes ");
        }
    }

    private static async Task ShouldReconcileAsync(StoreProcess store, int entities)
    {
        CommandRun reconcile = await CommandRun.RunAsync(["reconcile", "--server", store.Grpc, "--all", "--output", "json"]);
        reconcile.ExitCode.ShouldBe(0, reconcile.Error + reconcile.Out);
        JsonElement report = JsonDocument.Parse(reconcile.Out).RootElement;
        report.GetProperty("entities").GetInt64().ShouldBe(entities);
    }

    private static async Task PushAsync(StoreProcess store, int first, int count)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(store.Grpc);
        PushResponse pushed = await new IngestService.IngestServiceClient(channel).PushAsync(Transactions.Columns(first, count), cancellationToken: TestContext.Current.CancellationToken);
        var ask = new GetFeaturesRequest { What = new FeatureSelection { FeatureService = "fraud" }, MinToken = pushed.Token, MaxWaitMs = 10_000, AsOfMicros = { 1_522_540_800_000_000 } };
        ask.Keys.Add(new KeyColumn { Field = "customer_id", Int64S = { 1 } });
        ask.Keys.Add(new KeyColumn { Field = "terminal_id", Int64S = { 1 } });
        await new FeatureService.FeatureServiceClient(channel).GetFeaturesAsync(ask, cancellationToken: TestContext.Current.CancellationToken);
    }

    private static async Task<JsonElement> StatusAsync(StoreProcess store)
    {
        CommandRun run = await CommandRun.RunAsync(["status", "--server", store.Grpc, "--output", "json"]);
        run.ExitCode.ShouldBe(0, run.Error);
        return JsonDocument.Parse(run.Out).RootElement;
    }
}
