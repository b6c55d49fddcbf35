using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Tests.Faults;
using OrleansFeatures.Simulation.Running;
using OrleansFeatures.Simulation.Workload;

namespace OrleansFeatures.Simulation.Checking;

/// <summary>
/// Everything that is checked while the store is quiet: the log against what clients were told, every answer against the oracle, live state against a replay of the log by another store,
/// training reads of the past, tokens from before the crash.
/// </summary>
internal sealed class Checker(World world, EmbeddedHostOptions options, SimulatedClock clock, int seed, Readings readings, SharedPromises shared, Client[] clients, Tally tally)
{
    private const int InstantsPerEntity = 3;
    private readonly Random _random = new(seed);
    private readonly History _history = new(world);

    private long _checkpoint;

    /// <summary>Checks a store that nobody else is using.</summary>
    /// <param name="host">The store.</param>
    /// <param name="files">What lies on its disk.</param>
    public async Task CheckAsync(EmbeddedHost host, IReadOnlyDictionary<string, byte[]> files)
    {
        await WaitAllAppliedAsync(host);
        Count(host.Status());
        FaultyLogDevice copy = CopyOf(files);
        await ReadLogAsync(copy);
        foreach (Client client in clients)
        {
            client.Promises.Check(_history, world, client.Open);
            await client.ReadWithTokenAsync(host);
        }

        shared.Check(_history);
        if (host.Catalog.Entity("page") is not null && !_history.IsCut)
        {
            _history.RequirePages();
        }

        await ReadAllAsync(host, copy);
        readings.Check(_history);
    }

    private void Count(HostStatus status)
    {
        tally.Compactions += status.Memory.Use.Compactions;
        tally.EntitiesAsleep += status.Partitions.Sum(partition => partition.Entities - partition.Awake);
        tally.Checkpoints += Math.Max(0, status.Checkpoints.Number - _checkpoint);
        _checkpoint = status.Checkpoints.Number;
    }

    /// <summary>The log's files and nothing else, as a program sees them now.</summary>
    private static FaultyLogDevice CopyOf(IReadOnlyDictionary<string, byte[]> files)
    {
        var copy = new FaultyLogDevice(0) { HasDirectories = true };
        copy.SetFiles(files.Where(file => Path.GetDirectoryName(file.Key) == StoreOptions.Directory));
        return copy;
    }

    /// <summary>Reads what is durable, before old segments of it may go.</summary>
    public void Absorb(IReadOnlyDictionary<string, byte[]> durableFiles)
    {
        _history.Absorb(EventLog.Open(new LogOptions { Directory = StoreOptions.Directory, PartitionCount = options.PartitionCount, DeliverCommitted = false }, CopyOf(durableFiles), clock));
        readings.CutBefore = _history.First;
    }

    private async Task ReadLogAsync(FaultyLogDevice disk)
    {
        await using EventLog log = EventLog.Open(new LogOptions { Directory = StoreOptions.Directory, PartitionCount = options.PartitionCount, DeliverCommitted = false }, disk, clock);
        _history.Absorb(log);
        readings.CutBefore = _history.First;
    }

    private static async Task WaitAllAppliedAsync(EmbeddedHost host)
    {
        foreach (PartitionState partition in host.Status().Partitions)
        {
            await host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition.Partition), new LogOffset(partition.DurableOffset)), CancellationToken.None);
        }
    }

    /// <summary>Reads every entity, and a few that nobody has written to, from this store and from one that has nothing but the log.</summary>
    private async Task ReadAllAsync(EmbeddedHost host, FaultyLogDevice disk)
    {
        await using EmbeddedHost replayed = await EmbeddedHost.StartAsync(disk, options with { CheckpointOnClose = false }, host.Catalog, clock, new ErrorCatcher(), CancellationToken.None);
        await WaitAllAppliedAsync(replayed);
        foreach ((string entity, int count) in (IEnumerable<(string, int)>)[("customer", Bounds.Customers + 1), ("shop", Bounds.Shops + 1), ("page", Bounds.Pages + 1)])
        {
            if (host.Catalog.Entity(entity) is null)
            {
                continue;
            }

            for (int number = 0; number < count; number++)
            {
                Value key = EventMaker.KeyOf(entity, number);
                for (int instant = 0; instant < InstantsPerEntity; instant++)
                {
                    long asOf = clock.WorldMicros - (instant == 0 ? 0 : _random.NextInt64(6 * Bounds.HourMicros));
                    await readings.ReadAsync(host, entity, key, asOf);
                    await (_history.IsCut ? Task.CompletedTask : CompareAsync(host, replayed, entity, key, asOf));
                }

                long knownAt = _random.Next(2) == 0 ? EventTime.Never.Micros : clock.WorldMicros - _random.NextInt64(6 * Bounds.HourMicros);
                await readings.ReadHistoryAsync(host, entity, key, clock.WorldMicros - _random.NextInt64(12 * Bounds.HourMicros), knownAt);
                await readings.ReadOnDemandAsync(host, _random, clock.WorldMicros - _random.NextInt64(6 * Bounds.HourMicros), knownAt, isHistory: number % 2 == 1);
                await readings.ReadAsync(host, entity, key, Edge(entity, key));
            }
        }
    }

    /// <summary>An instant at which an event of the entity stands at the very edge of a window or of a ttl, or just beside it; one drawn at random would hardly ever be.</summary>
    private long Edge(string entity, Value key)
    {
        IReadOnlyList<LoggedCopy> copies = _history.CopiesOf(entity, History.KeyOf(key));
        if (copies.Count == 0)
        {
            return clock.WorldMicros;
        }

        SimulatedView[] views = [.. world.Views.Where(view => view.Entity == entity)];
        SimulatedView view = views[_random.Next(views.Length)];
        SimulatedFeature feature = view.Features[_random.Next(view.Features.Length)];
        long reach = view.Ttl is { } ttl && _random.Next(2) == 0 ? ttl.Micros : feature.Window.Width.Micros + feature.Delay.Micros;
        return copies[^_random.Next(1, Math.Min(copies.Count, 4) + 1)].Row.Time + reach + _random.Next(-1, 2);
    }

    /// <summary>Live is replay, bit for bit.</summary>
    private async Task CompareAsync(EmbeddedHost live, EmbeddedHost replayed, string entity, Value key, long asOf)
    {
        FeatureRead one = Readings.Question(live, entity, key, asOf, null);
        FeatureRead other = Readings.Question(replayed, entity, key, asOf, null);
        await live.ReadAsync(one, CancellationToken.None);
        await replayed.ReadAsync(other, CancellationToken.None);
        // The newest event time is of events that are held as themselves, which a budget may decide otherwise.
        if (one.Stamps[0].StateVersion != other.Stamps[0].StateVersion || (!HasBudget && one.Stamps[0] != other.Stamps[0]))
        {
            throw new ViolationException($"{entity} {key}: live {one.Stamps[0]}, replayed {other.Stamps[0]}");
        }

        for (int index = 0; index < one.Values.Length; index++)
        {
            if (!Same(one.Values[index], other.Values[index]))
            {
                throw new ViolationException(
                    $"{entity} {key} as of {new EventTime(asOf)}, {one.Selection.Features[index].Reference}: live {Readings.Describe(one.Values[index])}, replayed {Readings.Describe(other.Values[index])}");
            }
        }
    }

    /// <summary>
    /// What is summed up depends on what else is in memory: for the process's sake on what the others hold, for the entity's own on how tightly its rows are packed, which it learns from its
    /// neighbours. Which values are exact may then differ; exact ones may not.
    /// </summary>
    private bool Same(in FeatureValue live, in FeatureValue replayed) =>
        live.Equals(replayed) || (HasBudget && (IsInexact(live) || IsInexact(replayed)));

    private bool HasBudget => options.MemoryBudgetBytes < StoreOptions.MemoryBudgetNone || options.EntityBudgetBytes < StoreOptions.MemoryBudgetNone;

    private static bool IsInexact(in FeatureValue value) => value.Status is FeatureStatus.Approximate or FeatureStatus.OutsideRetention;
}
