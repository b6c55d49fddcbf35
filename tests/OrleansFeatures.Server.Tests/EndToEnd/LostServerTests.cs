using System.Text;
using System.Text.Json;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class LostServerTests : IDisposable
{
    private const int Rows = 100_000;
    private const int RowsBeforeTheKill = 40_000;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Killed_during_a_push_and_started_again_nothing_is_lost_or_doubled()
    {
        string data = _directory.File("data");
        StoreProcess first = await StoreProcess.StartAsync(data);
        StoreProcess? second = null;
        CommandRun run = await PushAsync(first.Grpc, "60", async input =>
        {
            await input.WriteAsync(EventRows(0, RowsBeforeTheKill));
            await UntilSomeAreAcceptedAsync(first.Grpc);
            await first.KillAsync();
            second = await StoreProcess.StartAsync(data, grpcPort: PortOf(first));
            await input.WriteAsync(EventRows(RowsBeforeTheKill, Rows));
        });

        run.ExitCode.ShouldBe(0, run.Error + run.Out);
        JsonElement pushed = JsonDocument.Parse(run.Out).RootElement;
        (pushed.GetProperty("accepted").GetInt64() + pushed.GetProperty("duplicates").GetInt64()).ShouldBe(Rows);
        pushed.GetProperty("reconnects").GetInt64().ShouldBeGreaterThan(0);

        run = await PushAsync(second!.Grpc, "0", async input => await input.WriteAsync(EventRows(0, Rows)));
        JsonDocument.Parse(run.Out).RootElement.GetProperty("duplicates").GetInt64().ShouldBe(Rows);
        (await CountAsync(second.Grpc)).ShouldBe(Rows / 1_000);
        await first.DisposeAsync();
        await second.DisposeAsync();
    }

    [Fact]
    public async Task A_server_that_does_not_come_back_ends_the_push_with_how_far_it_came()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        CommandRun run = await PushAsync(store.Grpc, "0", async input =>
        {
            await input.WriteAsync(EventRows(0, RowsBeforeTheKill));
            await UntilSomeAreAcceptedAsync(store.Grpc);
            await store.KillAsync();
            await input.WriteAsync(EventRows(RowsBeforeTheKill, Rows));
        });

        run.ExitCode.ShouldBe(3, run.Error);
        run.Error.ShouldContain("acknowledged; pushing the same file again is safe");
        JsonElement pushed = JsonDocument.Parse(run.Out).RootElement;
        long accepted = pushed.GetProperty("accepted").GetInt64();
        pushed.GetProperty("acknowledged_through_line").GetInt64().ShouldBe(accepted == 0 ? 0 : accepted + 1);
    }

    private static Task<CommandRun> PushAsync(string server, string retry, Func<Stream, Task> feed) =>
        CommandRun.RunAsync(["push", "--server", server, "--stream", "transactions", "--file", "-", "--retry", retry, "--output", "json"], feed);

    private static string PortOf(StoreProcess store) => new Uri(store.Grpc).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);

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

    /// <summary>The rows from one number up to another, with the header before the first: one a second, within one day.</summary>
    private static byte[] EventRows(int from, int to)
    {
        var text = new StringBuilder(from == 0 ? "tx_id,tx_time,customer_id,terminal_id,amount,fraud\n" : "");
        for (int row = from; row < to; row++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{row},2018-04-01T{row / 60 / 60 % 24:D2}:{row / 60 % 60:D2}:{row % 60:D2}Z,{row % 1000},{row % 700},1.5,0\n");
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
