namespace OrleansFeatures.Gateway.Admission;

/// <summary>
/// Whether the calls of one class are themselves why calls wait for threads. What comes out of the thread pool's queue while the probe of <see cref="QueueDelay"/> waits stood before it. What it is worth is held against the bound:
/// <code>
///   probe queued ──── calls come out: each worth <paramref name="ofCall"/>, and what it brings ──── probe runs: worth at least perSecond of that wait?
/// </code>
/// What a refused call would have brought nobody knows; it is reckoned to be what those that were taken in before it brought. Otherwise a crowd would look like none as soon as it is refused, be taken in again, and so on.
/// When threads are held by other work, a few calls that are shed shorten nobody's wait: they are better answered late than refused. One thread at a time.
/// </summary>
/// <param name="perSecond">From so much on that comes in a second, it is reckoned the reason for a long wait.</param>
/// <param name="ofCall">What a call is worth by itself.</param>
/// <param name="brought">What calls of the class have brought so far.</param>
internal sealed class Crowd(int perSecond, int ofCall, Func<long> brought)
{
    private (long Taken, long Refused, long Brought) _before;
    private double _takenLately;
    private double _broughtLately;
    private volatile bool _isThere;

    public bool IsThere => _isThere;

    /// <summary>What comes out of the queue from now on stood before the probe.</summary>
    /// <param name="taken">Calls that have been taken in so far.</param>
    /// <param name="refused">Calls that have been refused so far.</param>
    public void OnProbeQueued(long taken, long refused)
    {
        (long Taken, long Refused, long Brought) now = (taken, refused, brought());
        (long calls, long events) = (now.Taken - _before.Taken, now.Brought - _before.Brought);
        double memory = calls > 0 ? Limits.CrowdMemory : 1;
        _takenLately = (_takenLately * memory) + calls;

        // What calls bring is often read after the look at which they came: it is of those that are remembered.
        _broughtLately = (_broughtLately * memory) + events;

        _before = now;
    }

    /// <summary>The probe has waited so long until now.</summary>
    public void OnProbeWaited(long micros, long taken, long refused)
    {
        long unread = refused - _before.Refused;
        double worth = ((taken - _before.Taken + unread) * ofCall) + (brought() - _before.Brought) + (unread * BroughtByOne);
        _isThere = worth >= Math.Max(1, micros * (perSecond / 1e6));
    }

    private double BroughtByOne => _takenLately > 0 ? _broughtLately / _takenLately : 0;
}
