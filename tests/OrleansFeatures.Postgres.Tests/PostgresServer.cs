using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace OrleansFeatures.Postgres.Tests;

/// <summary>
/// A PostgreSQL of its own: made with initdb in a temporary folder, on loopback, without a socket file, ended with whoever started it. It never runs as root (it would refuse): where the tests do, as the user postgres or nobody.
/// Linked into other projects that need a real PostgreSQL.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(60);

    private readonly string _binaries;
    private readonly string _folder;
    private readonly string[] _settings;
    private Process? _process;
    private int _databases;

    private PostgresServer(string binaries, string folder, int port, string[] settings)
    {
        (_binaries, _folder, _settings, Port) = (binaries, folder, settings, port);
        AppDomain.CurrentDomain.ProcessExit += EndAtExit;
    }

    public int Port { get; }

    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("the server does not run");

    /// <summary>Where PostgreSQL's programs are, the newest version's; null where there is none.</summary>
    public static string? Binaries()
    {
        const string debian = "/usr/lib/postgresql";
        IEnumerable<string> versions = Directory.Exists(debian) ? Directory.GetDirectories(debian).OrderByDescending(folder => double.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out double version) ? version : 0) : [];
        return versions.Select(folder => Path.Combine(folder, "bin"))
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")));
    }

    /// <summary>Why there can be no server here; null when there can.</summary>
    public static string? WhyNot() =>
        Binaries() is null ? "PostgreSQL is not installed here (no initdb in /usr/lib/postgresql/*/bin or on the path)"
        : Environment.IsPrivilegedProcess && !File.Exists("/usr/bin/setpriv") ? "PostgreSQL does not run as root, and there is no setpriv here to start it as somebody else"
        : null;

    /// <param name="settings">As in postgresql.conf, for example <c>fsync=off</c>.</param>
    public static async Task<PostgresServer> StartAsync(params string[] settings)
    {
        string binaries = Binaries() ?? throw new InvalidOperationException(WhyNot());
        string folder = Directory.CreateTempSubdirectory("orleans-features-postgres-").FullName;
        if (Environment.IsPrivilegedProcess)
        {
            Run("chown", User(), folder);
        }

        var server = new PostgresServer(binaries, folder, FreePort(), settings);
        await server.RunToEndAsync("initdb", "-D", server.Data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync");
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>As Npgsql wants it.</summary>
    public string ConnectionString(string database = "postgres") => $"Host=127.0.0.1;Port={Port.ToString(CultureInfo.InvariantCulture)};Username=postgres;Database={database}";

    /// <summary>An empty database of the caller's own.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        string name = $"test_{Interlocked.Increment(ref _databases).ToString(CultureInfo.InvariantCulture)}";
        await ExecuteAsync($"CREATE DATABASE {name}");
        return ConnectionString(name);
    }

    /// <summary>A statement as the server's administrator.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString() + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Starts it, also after <see cref="StopAsync"/>, and waits until it answers.</summary>
    public async Task StartAgainAsync()
    {
        string[] arguments = ["-D", Data, "-p", Port.ToString(CultureInfo.InvariantCulture), "-h", "127.0.0.1", "-c", "unix_socket_directories=", .. _settings.SelectMany(setting => (string[])["-c", setting])];
        _process = Start("postgres", arguments);
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await ExecuteAsync("SELECT 1");
                return;
            }
            catch (NpgsqlException) when (Stopwatch.GetElapsedTime(start) < StartMax && !_process.HasExited)
            {
                // It listens some milliseconds after its start, and answers when it has recovered.
                await Task.Yield();
            }
        }
    }

    /// <summary>Ends it in order (<c>INT</c>) or as a crash does (<c>QUIT</c>: at once, without a checkpoint, to be recovered from its journal).</summary>
    public async Task StopAsync(string signal = "INT")
    {
        if (_process is { HasExited: false } process)
        {
            Run("kill", "-" + signal, process.Id.ToString(CultureInfo.InvariantCulture));
            await process.WaitForExitAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= EndAtExit;
        await StopAsync("QUIT");
        _process?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Data => Path.Combine(_folder, "data");

    private static string User() => File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres" : "nobody";

    /// <summary>Also when the tests are told to end before they are through.</summary>
    private void EndAtExit(object? sender, EventArgs arguments)
    {
        if (_process is { HasExited: false } process)
        {
            Run("kill", "-QUIT", process.Id.ToString(CultureInfo.InvariantCulture));
            process.WaitForExit();
            Directory.Delete(_folder, recursive: true);
        }
    }

    private async Task RunToEndAsync(string program, params string[] arguments)
    {
        using Process process = Start(program, arguments);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with {process.ExitCode}");
        }
    }

    private Process Start(string program, string[] arguments)
    {
        string path = Path.Combine(_binaries, program);
        ProcessStartInfo start = Environment.IsPrivilegedProcess
            ? new ProcessStartInfo("setpriv", ["--reuid", User(), "--regid", Group(), "--clear-groups", path, .. arguments])
            : new ProcessStartInfo(path, arguments);
        start.WorkingDirectory = _folder;
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static string Group() => User() == "postgres" ? "postgres" : File.ReadLines("/etc/passwd").First(line => line.StartsWith("nobody:", StringComparison.Ordinal)).Split(':')[3];

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
