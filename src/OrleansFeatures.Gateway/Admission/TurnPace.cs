namespace OrleansFeatures.Gateway.Admission;

/// <summary>
/// How many calls of a line get their turn in so much time, by what was seen since the line began. It begins with more than can be (<see cref="Limits.TurnsPerSecondMost"/>), rises at once, and falls by no more than half for each
/// stretch of <see cref="Limits.TurnPaceWindow"/>: a stall of the machine, in which nobody gets a turn, does not make a line look hopeless, and a second of turns that are much work does. One thread at a time.
/// </summary>
internal sealed class TurnPace(int slots, TimeProvider time)
{
    private long _since = time.GetTimestamp();
    private int _turns;
    private double _perSecond = Limits.TurnsPerSecondMost * slots;

    /// <summary>A line begins. What was seen of the one before may have been other calls.</summary>
    public void Begin()
    {
        _perSecond = Limits.TurnsPerSecondMost * slots;
        Look();
    }

    /// <summary>A turn has ended, and somebody waits for the next one.</summary>
    public void Count()
    {
        _turns++;
        TimeSpan elapsed = time.GetElapsedTime(_since);
        if (elapsed >= Limits.TurnPaceWindow)
        {
            _perSecond = Math.Max(_turns / elapsed.TotalSeconds, _perSecond / 2);
            Look();
        }
    }

    /// <summary>Turns in such a time.</summary>
    public double Within(TimeSpan span) => _perSecond * span.TotalSeconds;

    private void Look()
    {
        _since = time.GetTimestamp();
        _turns = 0;
    }
}
