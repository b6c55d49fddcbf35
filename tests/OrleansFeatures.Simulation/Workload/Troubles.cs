using OrleansFeatures.Log.Tests.Faults;
using OrleansFeatures.Simulation.Running;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>What goes wrong without ending the store: the disk fills up and is cleared again, the machine's clock is set wrong, a bit of what is
/// durable changes for a while.</summary>
internal sealed class Troubles(int seed, SimulatedClock clock, FaultyLogDevice disk, BitFlips flips, Trace trace, Tally tally)
{
    private readonly Random _random = new(seed);

    public async Task RunAsync(Func<bool> isStopping)
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

    private void FillDisk()
    {
        long left = _random.Next(4_000);
        trace.Fault($"the disk has {left} bytes left");
        tally.FullDisks++;
        disk.Capacity = disk.UsedBytes + left;
    }
}
