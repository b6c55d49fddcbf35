using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed partial class ServeTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task One_ready_line_then_a_clean_stop_on_sigterm()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        Ready().IsMatch(store.ReadyLine).ShouldBeTrue(store.ReadyLine);
        (int code, string rest) = await store.TerminateAsync();
        rest.ShouldBeEmpty();
        code.ShouldBe(0, store.Error);
    }

    [Fact]
    public async Task A_directory_in_use_is_refused_by_name_and_its_owner_is_left_alone()
    {
        string data = _directory.File("data");
        await using StoreProcess store = await StoreProcess.StartAsync(data);
        CommandRun second = await ServeAsync(data, StoreProcess.FraudDefinitions);
        second.ExitCode.ShouldBe(1);
        second.Error.ShouldContain(data);
        second.Error.ShouldContain("in use");
        (await CommandRun.RunAsync(["status", "--server", store.Grpc])).ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task A_taken_port_is_named()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string port = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        CommandRun run = await ServeAsync(_directory.File("data"), StoreProcess.FraudDefinitions, port);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldContain(port);
        run.Error.ShouldContain("in use");
    }

    [Fact]
    public async Task Wrong_definitions_are_refused_with_file_and_line()
    {
        string fraud = File.ReadAllText(Path.Combine(StoreProcess.FraudDefinitions, "fraud.yaml"));
        string file = _directory.Write("bad.yaml", fraud.Replace("aggregate: count, window: 1d}", "aggregate: cuont, window: 1d}", StringComparison.Ordinal));
        CommandRun run = await ServeAsync(_directory.File("data"), _directory.Path);
        run.ExitCode.ShouldBe(1);
        int line = 1 + File.ReadLines(file).TakeWhile(text => !text.Contains("cuont", StringComparison.Ordinal)).Count();
        run.Error.ShouldContain($"bad.yaml:{line}:");
        run.Error.ShouldContain("count");
        run.Out.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_directory_without_definitions_is_a_usage_error()
    {
        CommandRun run = await ServeAsync(_directory.File("data"), _directory.File("nowhere"));
        run.ExitCode.ShouldBe(2);
        run.Error.ShouldContain("no such file or directory");
    }

    private static Task<CommandRun> ServeAsync(string data, string definitions, string grpc = "0") =>
        CommandRun.RunAsync(["serve", "--data", data, "--definitions", definitions, "--grpc", grpc, "--http", "0"]);

    [GeneratedRegex(@"^ready grpc=http://127\.0\.0\.1:\d+ http=http://127\.0\.0\.1:\d+$")]
    private static partial Regex Ready();
}
