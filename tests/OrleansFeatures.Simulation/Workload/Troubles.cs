using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Tests.Faults;
using OrleansFeatures.Simulation.Checking;
using OrleansFeatures.Simulation.Running;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>What goes wrong without ending the store: the disk fills up and is cleared again, the machine's clock is set wrong, a bit of what is
/// durable changes for a while.</summary>
internal sealed class Troubles(int seed, SimulatedClock clock, FaultyLogDevice disk, BitFlips flips, World world, Action absorb, Trace trace, Tally tally)
{
    private readonly Random _random = new(seed);

    /// <summary>Whether an error that the store reports may be of our making.</summary>
    public bool HaveOccurred { get; set; }

    public async Task RunAsync(EmbeddedHost host, Func<bool> isStopping)
    {
        while (!isStopping())
        {
            await Task.Delay(TimeSpan.FromSeconds(_random.Next(1, 80)), clock);
            int what = _random.Next(12);
            if (what < 2)
            {
                FillDisk();
                await Task.Delay(TimeSpan.FromSeconds(_random.Next(1, 30)), clock);
                End();
            }
            else if (what < 4)
            {
                HaveOccurred = true;
                flips.Flip();
                await ReadHistoryAsync(host);
                await Task.Delay(TimeSpan.FromSeconds(_random.Next(1, 30)), clock);
                flips.Restore();
            }
            else if (what < 8)
            {
                await CheckpointAsync(host);
            }
            else if (what < 11)
            {
                await (_random.Next(2) == 0 ? ReplayAsync(host) : ChangeDefinitionsAsync(host));
            }
            else
            {
                TimeSpan ahead = TimeSpan.FromHours((_random.NextDouble() * 44) - 22);
                trace.Fault($"the clock is {ahead} ahead");
                tally.ClockJumps++;
                clock.SetAhead(ahead);
            }
        }
    }

    /// <summary>There is space again, and no damage.</summary>
    public void End()
    {
        disk.Capacity = long.MaxValue;
        flips.Restore();
    }

    private async Task CheckpointAsync(EmbeddedHost host)
    {
        try
        {
            await host.CheckpointAsync(CancellationToken.None);
            trace.Note("operator: a checkpoint was taken");
        }
        catch (Exception failure) when (failure is ObjectDisposedException || (failure is LogException && (HaveOccurred || host.Poisoned is not null)))
        {
            trace.Note($"operator: no checkpoint, {failure.GetType().Name}");
        }
    }

    /// <summary>All state is built anew beside the old, and takes over.</summary>
    private async Task ReplayAsync(EmbeddedHost host)
    {
        try
        {
            await host.ReplayAsync(new LogSequence(0), null, CancellationToken.None);
            absorb();
            trace.Fault("operator: state was replayed");
            tally.Replays++;
        }
        catch (Exception failure) when (failure is ObjectDisposedException || (failure is LogException && (HaveOccurred || host.Poisoned is not null)))
        {
            trace.Note($"operator: no replay, {failure.GetType().Name}");
        }
    }

    private async Task ChangeDefinitionsAsync(EmbeddedHost host)
    {
        Catalog next = world.Catalogs.First(catalog => catalog != world.InForce);
        try
        {
            await host.ChangeCatalogAsync(next, () => world.InForce = next, CancellationToken.None);
            absorb();
            trace.Fault($"operator: definitions {world.Catalogs.IndexOf(next)} are live");
            tally.DefinitionChanges++;
        }
        catch (Exception failure) when (failure is ObjectDisposedException || (failure is LogException && (HaveOccurred || host.Poisoned is not null)))
        {
            trace.Note($"operator: no change of definitions, {failure.GetType().Name}");
        }
    }

    /// <summary>A training query that goes over the whole log while events come; only whether it notices damage matters here.</summary>
    private async Task ReadHistoryAsync(EmbeddedHost host)
    {
        try
        {
            await host.ReadHistoryAsync(Readings.Question(host, "customer", EventMaker.KeyOf("customer", 0), clock.WorldMicros - (12 * Bounds.HourMicros), null), null, CancellationToken.None);
        }
        catch (Exception damage) when (flips.Explains(damage))
        {
            trace.Note("operator: no training read");
        }
    }

    private void FillDisk()
    {
        HaveOccurred = true;
        long left = _random.Next(4_000);
        trace.Fault($"the disk has {left} bytes left");
        tally.FullDisks++;
        disk.Capacity = disk.UsedBytes + left;
    }
}
