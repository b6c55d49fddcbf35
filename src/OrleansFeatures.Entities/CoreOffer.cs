namespace OrleansFeatures.Entities;

/// <summary>
/// For work without a pause on cores that lookups share: after every so many units the core is offered to whoever waits for this very core.
/// <code>
///   core 0   push: read ──────────────────────────────> done, woken thread runs       without: it waits for as long as that takes, up to the scheduler's slice of some milliseconds,
///   core 1   ...        (idle)                                                         also where other cores have fallen idle since
///   core 0   push: read ──> offer ──> woken thread ──> read on ──> ...                 with
/// </code>
/// A lookup crosses half a dozen threads of server and client, and each of them is woken on some core; where all are busy at that instant it is put behind one of them, and stays there. Going to the back of the thread pool's queue
/// would not help, because the pool's thread goes on with something else and keeps the core. Priorities would, but .NET does not set them on Linux.
/// </summary>
/// <param name="unitsMax">Units between two offers.</param>
public struct CoreOffer(int unitsMax)
{
    private int _units;

    /// <summary>Counts what has been done, and offers the core when it is enough: a system call, about a microsecond where nobody waits. Not inside a lock that others want.</summary>
    /// <returns>Whether the core was offered.</returns>
    public bool After(int units)
    {
        _units += units;
        if (_units < unitsMax)
        {
            return false;
        }

        _units = 0;
        Thread.Yield();
        return true;
    }
}
