using System.Diagnostics;
using OrleansFeatures.Server.Tests.EndToEnd;

namespace OrleansFeatures.Server.Tests.Clients;

/// <summary>
/// The example clients in other languages against a real server, behind a proxy that gives them a bad hour: of each method it refuses the first call with a hint, and loses the answer of the second. The examples print
/// the same as on a good day; the proxy fails calls without a deadline, and tries that come before the hint says.
/// </summary>
public sealed class ExampleClientTests : IDisposable
{
    private static readonly string[] BadHour =
    [
        "/orleansfeatures.v1.FeatureService/GetFeatures 3 2", "/orleansfeatures.v1.FeatureService/ObserveAndGet 3 2", "/orleansfeatures.v1.IngestService/Push 4 2",
    ];

    /// <summary>Two of each method.</summary>
    private const int Retries = 6;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task The_Python_example_works_through_a_bad_hour()
    {
        ClientProgram.SkipWithoutPython();
        KeyValuePair<string, string> modules = await ClientProgram.GeneratePythonAsync("orleansfeatures", _directory.File("modules"));
        await RunAsync(
            address => ClientProgram.RunAsync(ClientProgram.Python, [ClientProgram.Example("python/example.py"), address], modules),
            ["customer 596: 3 payments, 30.0 on average", "customer 597: 0 payments, None on average (NOT_FOUND)", "after the fourth: 4 payments, 30.0 on average"]);
    }

    [Fact]
    public async Task The_TypeScript_example_compiles_and_works_through_a_bad_hour()
    {
        ClientProgram.SkipWithoutPython();
        ClientProgram.SkipWithoutNode("clients/typescript");
        ClientRun built = await ClientProgram.RunAsync("npm", ["run", "--silent", "--prefix", ClientProgram.Example("typescript"), "build"]);
        built.ExitCode.ShouldBe(0, built.ToString());
        await RunAsync(
            address => ClientProgram.RunAsync("node", [ClientProgram.Example("typescript/dist/example.js"), address]),
            ["customer 596: 3 payments, 30 on average", "customer 597: 0 payments, null on average (NOT_FOUND)", "after the fourth: 4 payments, 30 on average"]);
    }

    [Fact]
    public async Task The_Go_example_compiles_and_works_through_a_bad_hour()
    {
        ClientProgram.SkipWithoutPython();
        ClientProgram.SkipWithoutGo();
        string program = await ClientProgram.BuildGoExampleAsync(_directory.File("go"));
        await RunAsync(
            address => ClientProgram.RunAsync(program, [address]),
            ["customer 596: 3 payments, 30 on average (true)", "customer 597: 0 payments, 0 on average (false)", "after the fourth: 4 payments, 30 on average"]);
    }

    private async Task RunAsync(Func<string, Task<ClientRun>> example, string[] answers)
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        using Process proxy = ClientProgram.Start(ClientProgram.Python, ["-u", ClientProgram.Foreign("hiccups.py"), new Uri(store.Grpc).Authority]);
        string listening = await proxy.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) ?? "";
        listening.ShouldStartWith("port ");
        ClientRun run = await example($"127.0.0.1:{listening["port ".Length..]}");
        proxy.StandardInput.Close();
        ClientRun seen = await ClientProgram.EndAsync(proxy);
        run.Lines.ShouldBe(["pushed: 3 of 3 on disk", "pushed again: 0 accepted, 3 duplicates", .. answers, $"retries: {Retries}"], $"{run}\nproxy: {seen}");
        seen.Lines.ShouldBe(BadHour, $"calls and connections of each method\n{seen}");
    }
}
