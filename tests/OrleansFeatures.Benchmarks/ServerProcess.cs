using System.Diagnostics;
using System.Globalization;

namespace OrleansFeatures.Benchmarks;

/// <summary>The built program's <c>serve</c>, or something to compare it with, in a process of its own, on free ports, so that its CPU time is its own too.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const int Sigterm = 15;

    private readonly Process _process;
    private readonly Task _drain;

    private ServerProcess(Process process, string grpc)
    {
        _process = process;
        Grpc = grpc;
        _drain = process.StandardOutput.ReadToEndAsync();
        AppDomain.CurrentDomain.ProcessExit += End;
    }

    /// <summary>Address of its gRPC port.</summary>
    public string Grpc { get; }

    public int Id => _process.Id;

    public static Task<ServerProcess> StartAsync(string program, string data, string definitions, params string[] flags) =>
        StartAsync(program, ["serve", "--data", data, "--definitions", definitions, "--grpc", "0", "--http", "0", .. flags]);

    /// <summary>This program's own <paramref name="name"/>, which serves too.</summary>
    public static Task<ServerProcess> StartOwnAsync(string name, params string[] arguments) =>
        StartAsync(Path.Combine(AppContext.BaseDirectory, "OrleansFeatures.Benchmarks"), [name, .. arguments]);

    private static async Task<ServerProcess> StartAsync(string program, string[] arguments)
    {
        if (!File.Exists(program))
        {
            throw new FileNotFoundException($"{program} is not there: dotnet build src/OrleansFeatures.Server -c Release, or name it with --program");
        }

        Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string? ready = await process.StandardOutput.ReadLineAsync();
        string? grpc = ready?.Split(' ').FirstOrDefault(word => word.StartsWith("grpc=", StringComparison.Ordinal))?["grpc=".Length..];
        return grpc is not null ? new ServerProcess(process, grpc) : throw new InvalidOperationException($"{arguments[0]} said '{ready}' where its ready line was expected");
    }

    /// <summary>User and system time so far, of all its threads.</summary>
    public TimeSpan CpuTime()
    {
        _process.Refresh();
        return _process.TotalProcessorTime;
    }

    /// <summary>SIGTERM, as an operator would; waits for the end.</summary>
    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= End;
        using (Process kill = Process.Start("kill", [$"-{Sigterm}", _process.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync();
        }

        await _process.WaitForExitAsync();
        await _drain;
        _process.Dispose();
    }

    /// <summary>A benchmark that is told to end before it is through takes its servers along.</summary>
    private void End(object? sender, EventArgs arguments) => _process.Kill();
}
