using OrleansFeatures.Domain;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Tests.Faults;
using OrleansFeatures.Simulation.Running;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>
/// Bits of the medium that change, one at a time, in what is durable. Then the store must say that it met damage, or not meet it; a wrong value is a violation. The bit is put right before the
/// store is next expected to work.
/// </summary>
internal sealed class BitFlips(int seed, FaultyLogDevice disk, Trace trace, Tally tally)
{
    private readonly Random _random = new(seed);
    private IDisposable? _flipped;

    private bool _wasActive;

    public bool IsActive => _flipped is not null;

    /// <summary>Damage was met while the store ran: an entity whose record could not be read then missed events, so it stays without answers, and is saved so, until state is replayed.</summary>
    public bool CallForReplay { get; set; }

    /// <summary>The store has been started anew.</summary>
    public void Forget() => _wasActive = false;

    /// <summary>In a file of the seed's choice, if there is one whose bytes are all on the medium.</summary>
    public void Flip()
    {
        // What proves how far the log is durable is written over all the time, and proves nothing where it is damaged.
        string[] names = [.. disk.Files.Where(file => file.Value.Length > 0 && Path.GetExtension(file.Key) != ".durable").Select(file => file.Key).Order(StringComparer.Ordinal)];
        if (IsActive || names.Length == 0)
        {
            return;
        }

        string name = names[_random.Next(names.Length)];
        (long position, int bit) = (_random.NextInt64(disk.Files[name].Length), _random.Next(8));
        _flipped = disk.Flip(name, position, bit);
        if (IsActive)
        {
            _wasActive = true;
            trace.Fault($"bit {bit} of byte {position} of {name} flips");
            tally.BitFlips++;
        }
    }

    public static bool IsOfDamage(Exception error) => error is LogException and not LogPoisonedException or EntityUnreadableException or InvariantException;

    public void Restore()
    {
        if (_flipped is not null)
        {
            trace.Fault("the bit is put right");
            _flipped.Dispose();
            _flipped = null;
        }
    }

    /// <summary>Whether an error is what a store may say that has met damage: an entity whose record could not be read may stay without answers.</summary>
    public bool Explains(Exception error)
    {
        if (!_wasActive || !IsOfDamage(error))
        {
            return false;
        }

        trace.Note($"damage was met: {error.GetType().Name}");
        tally.BitFlipReports++;
        CallForReplay = true;
        return true;
    }
}
