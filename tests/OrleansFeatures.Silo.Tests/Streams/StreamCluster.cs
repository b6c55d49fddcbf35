using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.TestingHost;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Streams;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Streams;

/// <summary>Silos in this process that follow one log in memory, with a <see cref="TailGrain"/> for each partition.</summary>
internal sealed class StreamCluster : IAsyncDisposable
{
    public const int Partitions = 32;

    private StreamCluster(InProcessTestCluster cluster, FakeTails tails, Arrivals arrivals, Ledger ledger, SiloLog log) =>
        (Cluster, Tails, Arrivals, Ledger, Log) = (cluster, tails, arrivals, ledger, log);

    public static IEnumerable<int> All => Enumerable.Range(0, Partitions);

    public InProcessTestCluster Cluster { get; }

    public FakeTails Tails { get; }

    public Arrivals Arrivals { get; }

    public Ledger Ledger { get; }

    public SiloLog Log { get; }

    public IEnumerable<SiloAddress> Silos => Cluster.Silos.Select(silo => silo.SiloAddress);

    public static async Task<StreamCluster> StartAsync(short silos, Action<ISiloBuilder>? configure = null)
    {
        var tails = new FakeTails(Partitions);
        var arrivals = new Arrivals();
        var ledger = new Ledger();
        var builder = new InProcessTestClusterBuilder(silos);
        builder.Options.ConfigureFileLogging = false;
#pragma warning disable ORLEANSEXP003 // The directory that silos of ours use.
        builder.Options.UseDistributedGrainDirectory = true;
#pragma warning restore ORLEANSEXP003
        var log = new SiloLog();
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddLogging(logging => logging.AddProvider(log));
            silo.Services.AddSingleton(new PartitionMap(Partitions)).AddSingleton(tails).AddSingleton<IPartitionTails>(tails).AddSingleton(arrivals).AddSingleton(ledger);
            silo.AddLogStreams();

            // The grain of these tests takes its place.
            silo.Services.PostConfigure<GrainTypeOptions>(types => types.Classes.Remove(typeof(Silo.Grains.PartitionGrain)));
            silo.Configure<ClusterMembershipOptions>(options =>
            {
                // As our silos have it, so that one that is killed is known to be dead within a second or two.
                options.ProbeTimeout = TimeSpan.FromSeconds(1);
                options.NumMissedProbesLimit = 2;
                options.NumVotesForDeathDeclaration = 1;
                options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
            });
            configure?.Invoke(silo);
        });
        var cluster = new StreamCluster(builder.Build(), tails, arrivals, ledger, log);
        await cluster.Cluster.DeployAsync();
        await cluster.AgreeAsync();
        return cluster;
    }

    /// <summary>Waits until every silo has the plan of just these silos.</summary>
    public Task AgreeAsync() => Eventually.Is(
        () => Cluster.Silos.All(silo => Plans(silo.SiloAddress).Current.Silos.ToHashSet().SetEquals(Silos)), "every silo knows that these silos are active and no others");

    public PartitionPlans Plans(SiloAddress silo) => Service<PartitionPlans>(silo);

    public T Service<T>(SiloAddress silo) where T : notnull => Cluster.GetSiloServiceProvider(silo).GetRequiredService<T>();

    public SiloAddress PlannedSilo(int partition) => Plans(Silos.First()).SiloOf(new PartitionId(partition))!;

    public bool DeliveredInPlace(int partition) => Arrivals.NewestOf(partition)?.Silo.Equals(PlannedSilo(partition)) == true;

    /// <summary>Who stands where, for the message of a test that fails.</summary>
    public string Describe() =>
        $"fenced {Ledger.Fenced}, errors {Arrivals.Errors.Count}, open tails {Tails.OpenTails}, silos {string.Join(' ', Silos)}\n"
        + string.Join('\n', All.Where(partition => !DeliveredInPlace(partition)).Select(partition =>
            $"partition {partition}: planned {PlannedSilo(partition)}, newest {Arrivals.NewestOf(partition)?.Silo} at {Arrivals.NewestOf(partition)?.Batch.Last} of {Tails.Durable(new PartitionId(partition))}, done {Ledger.PositionOf(partition)}"))
        + $"\n{Log.Tail}\n";

    /// <summary>Appends to every partition and waits until all of it has been delivered.</summary>
    public async Task AppendAndWaitAsync(int rounds = 1)
    {
        for (int round = 0; round < rounds; round++)
        {
            foreach (int partition in All)
            {
                Tails.Append(partition, records: 1 + round % 3);
            }
        }

        await DeliveredAsync(All);
    }

    public Task DeliveredAsync(IEnumerable<int> partitions) => Eventually.Is(
        () => partitions.All(partition => Arrivals.LastOf(partition) == Tails.Durable(new PartitionId(partition)).Value), () => $"everything that was appended is delivered; {Describe()}");

    /// <summary>Waits until every record of every partition has been done, from the stream or from the log.</summary>
    public Task DoneAsync() => Eventually.Is(
        () => All.All(partition => Ledger.PositionOf(partition) == Tails.Durable(new PartitionId(partition)).Value), () => $"every record that was appended is done; {Describe()}");

    /// <summary>Appends one record to every partition.</summary>
    public void Append()
    {
        foreach (int partition in All)
        {
            Tails.Append(partition);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.StopAllSilosAsync();
        await Cluster.DisposeAsync();
    }
}
