using System.Text.Json;
using Grpc.Net.Client;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class LogCommandTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    private string Data => _directory.File("data");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Beside_a_running_server_the_log_is_listed_and_verified_and_the_server_goes_on()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(Data);
        await PushAsync(store, 0);

        CommandRun inspect = await CommandRun.RunAsync(["log", "inspect", "--data", Data]);
        inspect.ExitCode.ShouldBe(0, inspect.Error + inspect.Out);
        inspect.Out.ShouldContain("segment-000000000001.log");
        inspect.Out.ShouldContain("open");
        inspect.Out.ShouldContain("64 partitions, 1 segments, 2,000 records");

        CommandRun verify = await CommandRun.RunAsync(["log", "verify", "--data-dir", Data, "--output", "json"]);
        verify.ExitCode.ShouldBe(0, verify.Error + verify.Out);
        JsonElement report = JsonDocument.Parse(verify.Out).RootElement;
        report.GetProperty("sound").GetBoolean().ShouldBeTrue();
        report.GetProperty("records").GetInt64().ShouldBe(2_000, "a customer's and a terminal's copy of each");

        await PushAsync(store, 1_000);
        (await store.TerminateAsync()).ExitCode.ShouldBe(0);
        (await CommandRun.RunAsync(["log", "verify", "--data", Data])).Out.ShouldContain("sound: every byte is as it was written");
    }

    [Fact]
    public async Task A_flipped_bit_is_found_and_named_and_the_store_does_not_open_over_it()
    {
        await using (StoreProcess store = await StoreProcess.StartAsync(Data))
        {
            await PushAsync(store, 0);
            await PushAsync(store, 1_000);
            await PushAsync(store, 2_000);
            await store.TerminateAsync();
        }

        string segment = Path.Combine(Data, "log", "segment-000000000001.log");
        byte[] bytes = File.ReadAllBytes(segment);
        bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(segment, bytes);

        CommandRun verify = await CommandRun.RunAsync(["log", "verify", "--data", Data]);
        verify.ExitCode.ShouldBe(1);
        verify.Out.ShouldContain($"DAMAGED  {segment}, bytes ");
        verify.Out.ShouldContain("records, sequences ");
        verify.Out.ShouldContain("1 damaged places: restore the files named from a copy, or start with serve --recover skip");
        JsonElement damage = JsonDocument.Parse((await CommandRun.RunAsync(["log", "verify", "--data", Data, "--output", "json"])).Out).RootElement.GetProperty("damage")[0];
        damage.GetProperty("file").GetString().ShouldBe(segment);
        damage.GetProperty("from_byte").GetInt64().ShouldBeLessThanOrEqualTo(bytes.Length / 2);
        damage.GetProperty("to_byte").GetInt64().ShouldBeGreaterThan(bytes.Length / 2);
        damage.GetProperty("offsets").GetArrayLength().ShouldBeGreaterThan(0);
        File.ReadAllBytes(segment).ShouldBe(bytes, "looking changes nothing");
    }

    [Theory]
    [InlineData("log", 2, "expected a command of log: inspect, verify")]
    [InlineData("log verfy", 2, "there is no command of log 'verfy'; did you mean 'verify'?")]
    [InlineData("log verify", 2, "--data")]
    [InlineData("log verify --data missing", 2, "--data missing: no such directory")]
    [InlineData("log verify --data DIRECTORY", 1, "no log in this directory; give the one that serve was started with (--data)")]
    [InlineData("log inspect --data OTHER", 1, "there is no log here")]
    public async Task What_is_not_a_log_is_refused_in_one_line(string line, int exitCode, string expected)
    {
        string other = _directory.File("other");
        Directory.CreateDirectory(Path.Combine(other, "log"));
        CommandRun run = await CommandRun.RunAsync(line.Replace("DIRECTORY", _directory.Path, StringComparison.Ordinal).Replace("OTHER", other, StringComparison.Ordinal).Split(' '));
        run.Error.ShouldContain(expected);
        run.Error.TrimEnd().ShouldNotContain('\n');
        run.ExitCode.ShouldBe(exitCode, run.Error);
    }

    private static async Task PushAsync(StoreProcess store, int first)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(store.Grpc);
        await new IngestService.IngestServiceClient(channel).PushAsync(Transactions.Columns(first, 1_000), cancellationToken: TestContext.Current.CancellationToken);
    }
}
