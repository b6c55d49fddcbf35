using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>A real store: <c>orleans-features serve</c> as a process of its own, on free ports.</summary>
internal sealed partial class StoreProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(40);
    private const int Sigterm = 15;
    private const int Sigkill = 9;

    private readonly Process _process;
    private readonly StringBuilder _error = new();

    private StoreProcess(Process process) => _process = process;

    public string Grpc { get; private set; } = "";

    public string Http { get; private set; } = "";

    public string ReadyLine { get; private set; } = "";

    public static string FraudDefinitions => Path.Combine(AppContext.BaseDirectory, "definitions", "fraud");

    public static async Task<StoreProcess> StartAsync(string data, string? definitions = null, string grpcPort = "0", params string[] options)
    {
        string[] arguments = ["serve", "--data", data, "--definitions", definitions ?? FraudDefinitions, "--grpc", grpcPort, "--http", "0", .. options];
        var store = new StoreProcess(CommandRun.Start(arguments));
        store._process.ErrorDataReceived += (_, line) => store.AppendError(line.Data);
        store._process.BeginErrorReadLine();
        using var limit = new CancellationTokenSource(StartLimit);
        string? ready = await store._process.StandardOutput.ReadLineAsync(limit.Token);
        if (ready is null)
        {
            await store._process.WaitForExitAsync(limit.Token);
            throw new InvalidOperationException($"serve ended with {store._process.ExitCode}: {store.Error}");
        }

        store.ReadyLine = ready;
        string[] parts = ready.Split(' ');
        store.Grpc = parts[1]["grpc=".Length..];
        store.Http = parts[2]["http=".Length..];
        return store;
    }

    public string Error
    {
        get
        {
            lock (_error)
            {
                return _error.ToString();
            }
        }
    }

    /// <summary>SIGTERM, as a service supervisor sends it. Returns the exit code and what was still printed on standard output.</summary>
    public async Task<(int ExitCode, string Printed)> TerminateAsync()
    {
        Signal(_process.Id, Sigterm);
        using var limit = new CancellationTokenSource(StopLimit);
        string rest = await _process.StandardOutput.ReadToEndAsync(limit.Token);
        await _process.WaitForExitAsync(limit.Token);
        return (_process.ExitCode, rest);
    }

    /// <summary>SIGKILL: the process gets no chance to write anything.</summary>
    public async Task KillAsync()
    {
        Signal(_process.Id, Sigkill);
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private void AppendError(string? line)
    {
        lock (_error)
        {
            _error.AppendLine(line);
        }
    }

    private static void Signal(int process, int signal) => _ = Kill(process, signal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
