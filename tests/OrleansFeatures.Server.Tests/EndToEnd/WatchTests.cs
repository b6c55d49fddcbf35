using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Grpc.Net.Client;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>Watching a real store from a process of its own.</summary>
public sealed class WatchTests : IDisposable
{
    private const int Customers = 50;

    private readonly TempDirectory _directory = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_store_that_is_killed_and_comes_back_costs_a_watcher_nothing()
    {
        string data = _directory.File("data");
        StoreProcess first = await StoreProcess.StartAsync(data);
        using Process watch = CommandRun.Start(["watch", "--server", first.Grpc, "--feature", "customer_spend:nb_tx_30d", "--from", "0", "--output", "json"]);
        Task<string> said = watch.StandardError.ReadToEndAsync(Cancelled);
        await PushAsync(first.Grpc, 0, 1_000);
        Dictionary<long, long> seen = [];
        await ReadUntilAsync(watch, seen, perCustomer: 1_000 / Customers, said);

        // Some of these are on their way when it is killed, or acknowledged and not yet told.
        await PushAsync(first.Grpc, 1_000, 500);
        await first.KillAsync();
        await using StoreProcess second = await StoreProcess.StartAsync(data, grpcPort: new Uri(first.Grpc).Port.ToString(CultureInfo.InvariantCulture));
        await PushAsync(second.Grpc, 1_500, 500);
        await ReadUntilAsync(watch, seen, perCustomer: 2_000 / Customers, said);
        watch.Kill();
        await watch.WaitForExitAsync(Cancelled);
        await first.DisposeAsync();
    }

    [Fact]
    public async Task It_ends_after_so_many_rows_and_says_how_to_go_on()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        await PushAsync(store.Grpc, 0, 100);
        CommandRun run = await CommandRun.RunAsync(["watch", "--server", store.Grpc, "--feature", "customer_spend:nb_tx_1d", "--from", "0", "--rows", "3"]);
        run.ExitCode.ShouldBe(0, run.Error);
        string[] lines = run.Out.TrimEnd().Split('\n');
        lines.Length.ShouldBe(3);
        lines.ShouldAllBe(line => line.Contains("customer_id=") && line.Contains("nb_tx_1d "));
        run.Error.ShouldContain("3 rows; --from ");

        run = await CommandRun.RunAsync(["watch", "--server", store.Grpc, "--service", "fraud", "--entity", "customer=7", "--entity", "terminal=2", "--snapshot", "--rows", "1", "--output", "json"]);
        JsonElement row = JsonDocument.Parse(run.Out).RootElement;
        row.GetProperty("keys").GetProperty("customer_id").GetInt64().ShouldBe(7);
        row.GetProperty("features").GetProperty("customer_spend:nb_tx_1d").GetProperty("value").GetInt64().ShouldBe(2);
        row.GetProperty("features").GetProperty("customer_spend:nb_tx_1d").GetProperty("status").GetString().ShouldBe("PRESENT");
    }

    [Fact]
    public async Task What_the_store_refuses_is_said_in_one_line()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        CommandRun run = await CommandRun.RunAsync(["watch", "--server", store.Grpc, "--service", "fraud"]);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldContain("which of them belong together is not known; list the rows to follow");
        run = await CommandRun.RunAsync(["watch", "--server", store.Grpc, "--feature", "customer_spend:nb_tx_1d", "--from", "99"]);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldContain("the log has come to 0 and not to 99");
    }

    private static async Task PushAsync(string server, int first, int count)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(server);
        PushResponse pushed = await new IngestService.IngestServiceClient(channel).PushAsync(Transactions.Columns(first, count), cancellationToken: Cancelled);
        pushed.Accepted.ShouldBe((ulong)count);
    }

    private static async Task ReadUntilAsync(Process watch, Dictionary<long, long> seen, long perCustomer, Task<string> said)
    {
        while (seen.Count < Customers || seen.Values.Any(count => count < perCustomer))
        {
            string? line = await watch.StandardOutput.ReadLineAsync(Cancelled);
            JsonElement row = JsonDocument.Parse(line ?? throw new InvalidOperationException($"watch ended: {await said}")).RootElement;
            seen[row.GetProperty("keys").GetProperty("customer_id").GetInt64()] = row.GetProperty("features").GetProperty("customer_spend:nb_tx_30d").GetProperty("value").GetInt64();
        }

        seen.Values.ShouldAllBe(count => count == perCustomer);
    }
}
