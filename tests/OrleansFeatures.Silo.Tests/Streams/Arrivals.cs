using System.Collections.Concurrent;
using OrleansFeatures.Silo.Streams;

namespace OrleansFeatures.Silo.Tests.Streams;

/// <summary>One batch as one activation was given it.</summary>
internal sealed record Arrival(LogBatch Batch, SiloAddress Silo, Guid Activation, int Call, long Timestamp);

/// <summary>What the consumers of a test were given, in all of its silos; and what they do with it.</summary>
internal sealed class Arrivals
{
    private readonly ConcurrentDictionary<int, ConcurrentQueue<Arrival>> _byPartition = new();

    private readonly ConcurrentDictionary<int, Arrival> _newest = new();

    /// <summary>What a consumer does before it takes a call's batches: waits, throws. Set before batches come.</summary>
    public Func<int, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>What a consumer waits for while it is activated.</summary>
    public Func<int, Task> Activating { get; set; } = _ => Task.CompletedTask;

    /// <summary>Errors that consumers were told of, by partition.</summary>
    public ConcurrentQueue<(int Partition, Exception Error)> Errors { get; } = new();

    public void Add(Arrival arrival)
    {
        _byPartition.GetOrAdd(arrival.Batch.Partition, _ => new ConcurrentQueue<Arrival>()).Enqueue(arrival);
        _newest[arrival.Batch.Partition] = arrival;
    }

    public IReadOnlyList<Arrival> Of(int partition) => _byPartition.TryGetValue(partition, out ConcurrentQueue<Arrival>? arrivals) ? [.. arrivals] : [];

    /// <summary>The newest arrival of a partition; null before the first.</summary>
    public Arrival? NewestOf(int partition) => _newest.GetValueOrDefault(partition);

    /// <summary>The last offset that any activation was given; -1 before the first.</summary>
    public long LastOf(int partition) => Of(partition).Select(arrival => arrival.Batch.Last).DefaultIfEmpty(-1).Max();

    /// <summary>
    /// That every offset came, and in order: within an activation a batch follows the one before it without a gap. A new activation may begin with one that the last had already.
    /// </summary>
    public void ShouldBeWholeAndInOrder(int partition, long last)
    {
        IReadOnlyList<Arrival> arrivals = Of(partition);
        foreach (IGrouping<Guid, Arrival> activation in arrivals.GroupBy(arrival => arrival.Activation))
        {
            Arrival? before = null;
            foreach (Arrival arrival in activation)
            {
                (before is null || arrival.Batch.First == before.Batch.Last + 1 || arrival.Batch.Last <= before.Batch.Last)
                    .ShouldBeTrue($"partition {partition}: {arrival.Batch.First}-{arrival.Batch.Last} came after {before?.Batch.First}-{before?.Batch.Last}");
                before = before is null || arrival.Batch.Last > before.Batch.Last ? arrival : before;
            }
        }

        var had = new HashSet<long>(arrivals.SelectMany(arrival => Enumerable.Range(0, (int)(arrival.Batch.Last - arrival.Batch.First) + 1).Select(index => arrival.Batch.First + index)));
        had.Count.ShouldBe((int)last + 1, $"partition {partition}: offsets 0 to {last}");
    }
}
