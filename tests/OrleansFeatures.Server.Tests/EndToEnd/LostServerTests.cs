using System.Text.Json;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class LostServerTests : IDisposable
{
    private const int Rows = 400_000;
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Killed_during_a_push_and_started_again_nothing_is_lost_or_doubled()
    {
        string file = EventFile();
        string data = _directory.File("data");
        StoreProcess first = await StoreProcess.StartAsync(data);
        string port = new Uri(first.Grpc).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        Task<CommandRun> push = PushAsync(first.Grpc, file, "60");
        await UntilSomeAreAcceptedAsync(first.Grpc);
        await first.KillAsync();
        await first.DisposeAsync();
        await using StoreProcess second = await StoreProcess.StartAsync(data, grpcPort: port);

        CommandRun run = await push;
        run.ExitCode.ShouldBe(0, run.Error + run.Out);
        JsonElement pushed = JsonDocument.Parse(run.Out).RootElement;
        (pushed.GetProperty("accepted").GetInt64() + pushed.GetProperty("duplicates").GetInt64()).ShouldBe(Rows);
        pushed.GetProperty("reconnects").GetInt64().ShouldBeGreaterThan(0);

        JsonElement again = JsonDocument.Parse((await PushAsync(second.Grpc, file, "0")).Out).RootElement;
        again.GetProperty("duplicates").GetInt64().ShouldBe(Rows);
        (await CountAsync(second.Grpc)).ShouldBe(Rows / 1_000);
    }

    [Fact]
    public async Task A_server_that_does_not_come_back_ends_the_push_with_how_far_it_came()
    {
        string file = EventFile();
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        Task<CommandRun> push = PushAsync(store.Grpc, file, "0");
        await UntilSomeAreAcceptedAsync(store.Grpc);
        await store.KillAsync();

        CommandRun run = await push;
        run.ExitCode.ShouldBe(3, run.Error);
        run.Error.ShouldContain("are acknowledged; pushing the same file again is safe");
        JsonElement pushed = JsonDocument.Parse(run.Out).RootElement;
        pushed.GetProperty("acknowledged_through_line").GetInt64().ShouldBe(pushed.GetProperty("accepted").GetInt64() + 1);
    }

    private static Task<CommandRun> PushAsync(string server, string file, string retry) =>
        CommandRun.RunAsync(["push", "--server", server, "--stream", "transactions", "--file", file, "--retry", retry, "--output", "json"]);

    /// <summary>All rows of customer 7 lie within a day: one row in a thousand.</summary>
    private static async Task<long> CountAsync(string server)
    {
        CommandRun run = await CommandRun.RunAsync(["get", "--server", server, "--service", "fraud", "--entity", "customer=7", "--entity", "terminal=7", "--as-of", "stream", "--output", "json"]);
        return JsonDocument.Parse(run.Out).RootElement[0].GetProperty("features").GetProperty("customer_spend:nb_tx_1d").GetProperty("value").GetInt64();
    }

    private static async Task UntilSomeAreAcceptedAsync(string server)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            CommandRun run = await CommandRun.RunAsync(["status", "--server", server, "--output", "json"]);
            JsonElement[] streams = JsonDocument.Parse(run.Out).RootElement.GetProperty("streams").EnumerateArray().ToArray();
            if (streams.Sum(stream => stream.GetProperty("accepted").GetInt64()) > 0)
            {
                return;
            }
        }
    }

    private string EventFile()
    {
        string file = _directory.File("events.csv");
        using StreamWriter writer = File.CreateText(file);
        writer.Write("tx_id,tx_time,customer_id,terminal_id,amount,fraud\n");
        for (int row = 0; row < Rows; row++)
        {
            writer.Write($"{row},2018-04-01T{row / 60 / 60 % 24:D2}:{row / 60 % 60:D2}:{row % 60:D2}Z,{row % 1000},{row % 700},1.5,0\n");
        }

        return file;
    }
}
