using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Tests.Faults;
using OrleansFeatures.Simulation.Checking;
using OrleansFeatures.Simulation.Running;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>What goes wrong without ending the store: the disk fills up and is cleared again, the machine's clock is set wrong, a bit of what is
/// durable changes for a while.</summary>
internal sealed class Troubles(int seed, SimulatedClock clock, FaultyLogDevice disk, BitFlips flips, Trace trace, Tally tally)
{
    private readonly Random _random = new(seed);

    public async Task RunAsync(EmbeddedHost host, Func<bool> isStopping)
    {
        while (!isStopping())
        {
            await Task.Delay(TimeSpan.FromSeconds(_random.Next(5, 400)), clock);
            if (_random.Next(3) == 0)
            {
                FillDisk();
                await Task.Delay(TimeSpan.FromSeconds(_random.Next(1, 100)), clock);
                End();
            }
            else if (_random.Next(4) == 0)
            {
                flips.Flip();
                await ReadHistoryAsync(host);
                await Task.Delay(TimeSpan.FromSeconds(_random.Next(1, 100)), clock);
                flips.Restore();
            }
            else if (_random.Next(6) == 0)
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

    /// <summary>A training query that goes over the whole log while events come; only whether it notices damage matters here.</summary>
    private async Task ReadHistoryAsync(EmbeddedHost host)
    {
        try
        {
            await host.ReadHistoryAsync(Readings.Question(host, "customer", EventMaker.KeyOf("customer", 0), clock.WorldMicros - (12 * Bounds.HourMicros), null), null, CancellationToken.None);
        }
        catch (LogException damage) when (flips.Explains(damage))
        {
            trace.Note("no training read");
        }
    }

    private void FillDisk()
    {
        long left = _random.Next(4_000);
        trace.Fault($"the disk has {left} bytes left");
        tally.FullDisks++;
        disk.Capacity = disk.UsedBytes + left;
    }
}
