using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>A redis-server of the benchmark's own: on loopback, in a folder of its own, without persistence, ended with the benchmark.</summary>
internal sealed class RedisServer : IDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly string _folder;

    private RedisServer(Process process, string folder, int port)
    {
        (_process, _folder, Port) = (process, folder, port);
        AppDomain.CurrentDomain.ProcessExit += End;
        Connection = Connect(port);
        Version = Info("server", "redis_version");
    }

    public int Port { get; }

    public string Version { get; }

    public RespConnection Connection { get; }

    /// <summary>Null where there is no redis-server on the path.</summary>
    public static RedisServer? Start()
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);
        if (program is null)
        {
            return null;
        }

        string folder = Directory.CreateTempSubdirectory("kernel-benchmark-redis-").FullName;
        int port = FreePort();
        string[] arguments =
        [
            "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no", "--io-threads", "1", "--daemonize", "no",
        ];
        Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return new RedisServer(process, folder, port);
    }

    /// <summary>User and system time that the server has used so far.</summary>
    public TimeSpan CpuTime() => TimeSpan.FromSeconds(Number("cpu", "used_cpu_user") + Number("cpu", "used_cpu_sys"));

    /// <summary>Bytes of data.</summary>
    public double UsedBytes() => Number("memory", "used_memory");

    public void Flush()
    {
        Connection.Write("FLUSHALL");
        Connection.Read();
    }

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= End;
        Connection.Dispose();
        End(this, EventArgs.Empty);
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Also when the benchmark is told to end before it is through.</summary>
    private void End(object? sender, EventArgs arguments)
    {
        _process.Kill();
        _process.WaitForExit();
    }

    private double Number(string section, string name) => double.Parse(Info(section, name), CultureInfo.InvariantCulture);

    private string Info(string section, string name)
    {
        Connection.Write("INFO", section);
        return Connection.Read().Text.Split("\r\n").First(line => line.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..];
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>It listens a few milliseconds after its start; a refused connection is tried again until then.</summary>
    private static RespConnection Connect(int port)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return new RespConnection(port);
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(start) < StartMax)
            {
                Thread.Yield();
            }
        }
    }
}
