using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Grpc.Net.Client;

namespace OrleansFeatures.Acceptance.Tests.Faults;

/// <summary>How a server is started: what stands before its command line (a program that bounds it), its environment, its own options.</summary>
internal sealed record ServerStart(string Data)
{
    public string[] Before { get; init; } = [];

    public string[] Options { get; init; } = [];

    public Dictionary<string, string> Environment { get; init; } = [];
}

/// <summary>The built program's <c>serve</c> with the fraud definitions, in a process of its own, which disposal kills.</summary>
internal sealed partial class RunningServer : IAsyncDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromMinutes(1);
    private const int Sigkill = 9;

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly List<GrpcChannel> _channels = [];
    private string _grpc = "";

    private RunningServer(Process process)
    {
        _process = process;
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.BeginErrorReadLine();
    }

    public Uri Grpc => new(_grpc);

    /// <summary>What it has written to standard error.</summary>
    public string Said
    {
        get
        {
            lock (_error)
            {
                return _error.ToString();
            }
        }
    }

    public bool HasExited => _process.HasExited;

    /// <summary>Memory that it holds now, as the kernel counts it.</summary>
    public long ResidentBytes
    {
        get
        {
            string line = File.ReadLines($"/proc/{_process.Id}/status").First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
            return 1_024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
    }

    public static async Task<RunningServer> StartAsync(ServerStart start)
    {
        string[] line = [.. start.Before, AcceptanceScript.Program(), "serve", "--data", start.Data, "--definitions", AcceptanceScript.Definitions, "--grpc", "0", "--http", "0", .. start.Options];
        var info = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in start.Environment)
        {
            info.Environment[name] = value;
        }

        var server = new RunningServer(Process.Start(info)!);
        await server.UntilReadyAsync();
        return server;
    }

    /// <summary>A channel with a connection of its own.</summary>
    public GrpcChannel Connect()
    {
        GrpcChannel channel = GrpcChannel.ForAddress(_grpc);
        _channels.Add(channel);
        return channel;
    }

    /// <summary>kill -9: it gets no chance to write anything.</summary>
    public async Task KillAsync()
    {
        _ = Kill(_process.Id, Sigkill);
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(channel => channel.Dispose());
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private async Task UntilReadyAsync()
    {
        using var patience = new CancellationTokenSource(StartMax);
        string? ready = await _process.StandardOutput.ReadLineAsync(patience.Token);
        _grpc = ready?.Split(' ').FirstOrDefault(word => word.StartsWith("grpc=", StringComparison.Ordinal))?["grpc=".Length..] ?? "";
        if (_grpc.Length == 0)
        {
            await DisposeAsync();
            throw new InvalidOperationException($"serve said '{ready}' where its ready line was expected; it wrote:\n{Said}");
        }
    }

    private void Note(string? line)
    {
        lock (_error)
        {
            _error.AppendLine(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
