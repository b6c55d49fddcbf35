using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OrleansFeatures.Acceptance.Tests;
using OrleansFeatures.Gateway.Tests;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Hosting;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>Whole silos, each with its gateway, over a database of their own and a Redis of their own: in this process, or, where one is to be killed, in another. Their connections to PostgreSQL bear the silo's name.</summary>
internal sealed class ServingSilos : IAsyncDisposable
{
    private const int Partitions = 8;

    private readonly TemporaryFolder _definitions = new();
    private readonly RedisServer _redis;
    private readonly string _database;
    private readonly Dictionary<string, SiloServer> _here = [];
    private readonly Dictionary<string, Process> _elsewhere = [];
    private readonly List<SiloClient> _clients = [];

    private ServingSilos(RedisServer redis, string database) => (_redis, _database) = (redis, database);

    /// <summary>Silos in this process.</summary>
    public static async Task<ServingSilos> StartAsync(int count)
    {
        Assert.SkipWhen(RedisServer.WhyNot() is not null, RedisServer.WhyNot() ?? "");
        var silos = new ServingSilos(await RedisServer.StartAsync(), await EntityCluster.CreateDatabaseAsync());
        await File.WriteAllTextAsync(Path.Combine(silos._definitions.Path, "everything.yaml"), Definitions.Everything, Eventually.Token);
        for (int index = 0; index < count; index++)
        {
            await silos.AddAsync($"silo-{index}");
        }

        return silos;
    }

    public async Task<SiloClient> AddAsync(string name)
    {
        SiloServer silo = await SiloServer.StartAsync(
            new SiloOptions
            {
                Postgres = DatabaseOf(name),
                Redis = _redis.Configuration,
                ClusterId = ClusterId,
                SiloName = name,
                SiloPort = RedisServer.FreePort(),
                GrpcPort = 0,
                HttpPort = 0,
                Partitions = Partitions,
                DefinitionsDirectory = _definitions.Path,
                LeaveGrace = TimeSpan.Zero,
                Also = TestGrains.LeaveOut,
            },
            Eventually.Token);
        _here.Add(name, silo);
        return Client(name, silo.GrpcAddress, silo.HttpAddress);
    }

    /// <summary>A silo in a process of its own, of the same build.</summary>
    public async Task<SiloClient> AddProcessAsync(string name)
    {
        string[] arguments =
        [
            "serve", "--postgres", DatabaseOf(name), "--redis", _redis.Configuration, "--cluster-id", ClusterId, "--silo-name", name, "--silo-port", RedisServer.FreePort().ToString(CultureInfo.InvariantCulture),
            "--grpc", "0", "--http", "0", "--partitions", Partitions.ToString(CultureInfo.InvariantCulture), "--definitions", _definitions.Path,
        ];
        Process process = Process.Start(new ProcessStartInfo(AcceptanceScript.BuiltFile("OrleansFeatures.Silo", "orleans-features-silo"), arguments) { RedirectStandardOutput = true })!;
        _elsewhere.Add(name, process);
        string ready = await Eventually.Ends(process.StandardOutput.ReadLineAsync(Eventually.Token).AsTask(), $"{name} says that it is ready") ?? throw new InvalidOperationException($"{name} has ended");
        Dictionary<string, string> said = ready.Split(' ').Where(word => word.Contains('=', StringComparison.Ordinal)).Select(word => word.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        return Client(name, new Uri(said["grpc"]), new Uri(said["http"]));
    }

    /// <summary>Of a silo of this process.</summary>
    public T Of<T>(SiloClient silo) where T : notnull => _here[silo.Name].Services.GetRequiredService<T>();

    /// <summary>Whether a silo of this process is to own a partition.</summary>
    public bool IsPlannedAt(SiloClient silo, PartitionId partition) => Of<PartitionPlans>(silo).SiloOf(partition)?.Equals(Of<ILocalSiloDetails>(silo).SiloAddress) == true;

    public SiloClient this[string name] => _clients.Single(client => client.Name == name);

    /// <summary>The silos of this process, and those of others that have not been killed.</summary>
    public IReadOnlyList<SiloClient> All => [.. _clients.Where(client => _here.ContainsKey(client.Name) || _elsewhere.ContainsKey(client.Name))];

    /// <summary>Ends a silo of another process as a crash does.</summary>
    public async Task KillAsync(string name)
    {
        _elsewhere.Remove(name, out Process? process);
        process!.Kill();
        await process.WaitForExitAsync(Eventually.Token);
        process.Dispose();
    }

    /// <summary>Ends a silo of this process in order.</summary>
    public async Task LeaveAsync(string name)
    {
        _here.Remove(name, out SiloServer? silo);
        await silo!.DisposeAsync();
    }

    /// <summary>The one silo that has the turn of detecting amendments, once there is one: whose connection has an advisory lock.</summary>
    public async Task<SiloClient> WatcherAsync()
    {
        string[] watchers = [];
        await Eventually.Is(async () => (watchers = await WatchersAsync()).Length == 1, () => $"one silo has the turn of amendments, and not {string.Join(", ", watchers)}");
        return this[watchers[0]];
    }

    /// <summary>Ends the connection that holds the turn, and nothing else: its silo does not notice, and another may take the turn.</summary>
    public Task BreakTurnAsync() => TurnsAsync("SELECT application_name, pg_terminate_backend(pid)");

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        foreach (Process process in _elsewhere.Values)
        {
            process.Kill();
            process.Dispose();
        }

        await Task.WhenAll(_here.Values.Select(silo => silo.DisposeAsync().AsTask()));
        await _redis.DisposeAsync();
        _definitions.Dispose();
    }

    private string ClusterId => $"test-{_redis.Port}";

    private string DatabaseOf(string silo) => $"{_database};Application Name={silo}";

    private Task<string[]> WatchersAsync() => TurnsAsync("SELECT application_name");

    private async Task<string[]> TurnsAsync(string select)
    {
        await using var connection = new NpgsqlConnection($"{_database};Pooling=false");
        await connection.OpenAsync(Eventually.Token);
        await using var command = new NpgsqlCommand(
            $"{select} FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted AND pg_stat_activity.datname = current_database()", connection);
        await using NpgsqlDataReader rows = await command.ExecuteReaderAsync(Eventually.Token);
        var names = new List<string>();
        while (await rows.ReadAsync(Eventually.Token))
        {
            names.Add(rows.GetString(0));
        }

        return [.. names];
    }

    private SiloClient Client(string name, Uri grpc, Uri http)
    {
        var client = new SiloClient(name, grpc, http);
        _clients.Add(client);
        return client;
    }
}
