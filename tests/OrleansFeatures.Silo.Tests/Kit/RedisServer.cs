using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>A Redis of its own: on loopback, nothing on disk, ended with whoever started it.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(30);
    private readonly Process _process;

    private RedisServer(Process process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    public string Configuration => $"127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}";

    public static string? WhyNot() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "redis-server")))
        ? null
        : "Redis is not installed here (no redis-server on the path)";

    public static async Task<RedisServer> StartAsync()
    {
        int port = FreePort();
        string[] arguments = ["--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", Path.GetTempPath()];
        var server = new RedisServer(Process.Start(new ProcessStartInfo("redis-server", arguments) { RedirectStandardOutput = true })!, port);
        server._process.OutputDataReceived += static (_, _) => { };
        server._process.BeginOutputReadLine();
        long begun = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(server.Configuration);
                return server;
            }
            catch (RedisConnectionException) when (Stopwatch.GetElapsedTime(begun) < StartMax && !server._process.HasExited)
            {
                // It listens some milliseconds after its start.
                await Task.Yield();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
