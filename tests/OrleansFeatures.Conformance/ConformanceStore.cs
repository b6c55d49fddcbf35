using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Conformance;

/// <summary>How a kind of host is started for a test.</summary>
public interface IStores
{
    /// <summary>Of the events that a test pushes, how many it pushes here: 1 for all. A host that takes a second to start a store takes fewer.</summary>
    static abstract double Scale { get; }

    /// <summary>A new, empty store. Skips the test, with the reason, where what it needs is absent.</summary>
    static abstract Task<ConformanceStore> OpenAsync(Catalog catalog);
}

/// <summary>
/// A store under test, seen through the seam alone: one entry, another entry to the same store where there is one, a clock, and a restart after which everything acknowledged is there.
/// </summary>
public abstract class ConformanceStore : IAsyncDisposable
{
    /// <summary>Real time, which a test may shift. Every part of the store that asks for the time asks this one.</summary>
    public ShiftedClock Clock { get; } = new();

    /// <summary>One entry. It may be another after a restart.</summary>
    public abstract IEntityHost Host { get; }

    /// <summary>Another process's entry to the same store; the same where the store is one process.</summary>
    public virtual IEntityHost Other => Host;

    public IEntityHost[] Entries => [Host, Other];

    /// <summary>Ends everything in good order and starts it again with the definitions that are live; returns when all entities answer.</summary>
    public abstract Task RestartAsync();

    /// <summary>Every record of the log, in order.</summary>
    public abstract Task<List<byte[]>> RecordsAsync();

    public abstract ValueTask DisposeAsync();

    /// <summary>Appends events as one batch and waits until reads at this entry can see them.</summary>
    public Task<IntakeResult[]> PushAsync(params Value[][] events) => Host.PushAsync(events);

    /// <summary>The same with everything that a push can say of an event.</summary>
    public Task<CorrectionOutcome[]> PushAsync(params Push[] events) => Host.PushAsync(events);

    /// <summary>Events in batches, each told to the oracle too.</summary>
    public async Task FillAsync(TransactionOracle oracle, Push[] events)
    {
        foreach (Push[] batch in events.Chunk(97))
        {
            (await PushAsync(batch)).Select(outcome => outcome.Result).ShouldBe(oracle.Apply(Host.Catalog, batch));
        }
    }

    /// <summary>All features of one entity by name, from live state or from history.</summary>
    public Task<Dictionary<string, FeatureValue>> ReadAsync(string entity, string key, EventTime asOf, bool history = false) => Host.ReadAsync(entity, key, asOf, history);

    public FeatureRead Question(string entity, EventTime asOf, params string[] keys) => Host.Question(entity, asOf, keys);

    /// <summary>Waits until reads can see everything that is durable.</summary>
    public Task WaitAllAppliedAsync() => Host.WaitAllAppliedAsync();
}

/// <summary>A topic of the contract, tested on the stores of one kind of host.</summary>
public abstract class HostConformance<TStores>
    where TStores : IStores
{
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected static Task<ConformanceStore> OpenAsync() => TStores.OpenAsync(Transactions.Catalog());

    protected static Task<ConformanceStore> OpenAsync(Catalog catalog) => TStores.OpenAsync(catalog);

    /// <summary>So many events, or as many as this kind of host has time for.</summary>
    protected static int Some(int events) => Math.Max(10, (int)(events * TStores.Scale));
}
