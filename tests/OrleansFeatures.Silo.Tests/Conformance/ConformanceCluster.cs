using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Conformance;

/// <summary>Two silos in this process over a database of their own, both of them asked. A restart ends them in good order and starts others.</summary>
internal sealed class ConformanceCluster : ConformanceStore
{
    /// <summary>Several clusters start at once on a machine that builds as well: connections may wait.</summary>
    private const int ConnectSeconds = 60;

    private readonly string _database;
    private readonly SharedDefinitions _definitions;
    private EntityCluster? _cluster;

    private ConformanceCluster(string database, SharedDefinitions definitions) => (_database, _definitions) = (database, definitions);

    public override IEntityHost Host => Running[0];

    public override IEntityHost Other => Running[1];

    private EntityCluster Running => _cluster ?? throw new InvalidOperationException("the cluster does not run");

    public static async Task<ConformanceCluster> OpenAsync(Catalog catalog)
    {
        var cluster = new ConformanceCluster($"{await EntityCluster.CreateDatabaseAsync()};Timeout={ConnectSeconds}", new SharedDefinitions(catalog));
        await cluster.StartAsync();
        return cluster;
    }

    public override async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public override async Task<List<byte[]>> RecordsAsync()
    {
        PostgresLog log = Running.Of<PostgresLog>(0);
        await log.DurableOffsetNowAsync(new PartitionId(0), Eventually.Token);
        var records = new Collect([]);
        await Task.Run(() => log.Read(log.FirstSequence, log.DurableSequence, ref records, Eventually.Token), Eventually.Token);
        return records.Payloads;
    }

    public override async ValueTask DisposeAsync() => await (_cluster?.DisposeAsync() ?? ValueTask.CompletedTask);

    private async Task StartAsync() => _cluster = await EntityCluster.StartAsync(_definitions.Live.Catalog, silos: 2, time: Clock, database: _database, definitions: _definitions);

    private async Task StopAsync()
    {
        if (_cluster is { } cluster)
        {
            _cluster = null;
            await cluster.Cluster.StopAllSilosAsync();
            await cluster.DisposeAsync();
        }
    }

    private readonly record struct Collect(List<byte[]> Payloads) : ILogVisitor
    {
        public bool Visit(LogRecord record)
        {
            Payloads.Add(record.Payload.ToArray());
            return true;
        }
    }
}
