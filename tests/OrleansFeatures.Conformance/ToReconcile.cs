using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Operations;

namespace OrleansFeatures.Conformance;

/// <summary>Muddled history for a store to be reconciled with: the tests of the contract and those of one host fill theirs alike.</summary>
public static class ToReconcile
{
    public const int Customers = 40;

    /// <summary>Of both types: the terminals are 10.</summary>
    public const int Entities = Customers + 10;

    public static readonly ReconcileScope Everything = new(null, null, 0);

    public static Task<ReconcileReport> ReconcileAsync(this ConformanceStore store, ReconcileScope? scope = null) =>
        store.Host.ReconcileAsync(scope ?? Everything, _ => { }, TestContext.Current.CancellationToken);

    /// <summary>Each difference with all that a failing test wants to know of it.</summary>
    public static IEnumerable<string> Differences(ReconcileReport report) =>
        report.Differences.Select(difference => $"{difference.Feature.Reference} as of {difference.AsOf} at {difference.StateVersion}: {difference.Live} {difference.Recomputed}");

    /// <summary>Transactions out of order, some of them twice, some corrected, some deleted.</summary>
    public static async Task FillAsync(ConformanceStore store, int events, int seed)
    {
        var random = new Random(seed);
        for (int first = 0; first < events; first += 100)
        {
            Push[] pushes = [.. Enumerable.Range(0, 100).Select(_ => RandomPush(random, events))];
            await store.PushAsync(pushes.DistinctBy(push => push.Fields[0]).ToArray());
        }

        // Every customer and terminal has come at least once.
        await store.PushAsync([.. Enumerable.Range(0, Customers).Select(customer => Transactions.Of(200_000 + customer, 5_000, $"c{customer}", $"t{customer % 10}", 1))]);
    }

    private static Push RandomPush(Random random, int events)
    {
        EventOperation operation = random.Next(10) switch { 0 => EventOperation.Upsert, 1 => EventOperation.Delete, _ => EventOperation.Insert };
        return new Push(Transactions.Of(random.Next(events), random.Next(7_000), $"c{random.Next(Customers)}", $"t{random.Next(10)}", Math.Round(random.NextDouble() * 100, 2)), operation);
    }
}
