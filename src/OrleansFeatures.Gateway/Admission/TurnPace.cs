namespace OrleansFeatures.Gateway.Admission;

/// <summary>
/// How many calls of a line get their turn in so much time, by what was lately seen while there was a line. Rises at once and falls by an eighth for each stretch of <see cref="Limits.TurnPaceWindow"/>, so that a stall of the
/// machine, in which nobody gets a turn, does not make the line look hopeless. One thread at a time.
/// </summary>
internal sealed class TurnPace(TimeProvider time)
{
    private long _since = time.GetTimestamp();
    private int _turns;
    private double? _perSecond;

    /// <summary>A line begins: what came before it was not held up by anything, so it says nothing.</summary>
    public void Begin()
    {
        _since = time.GetTimestamp();
        _turns = 0;
    }

    /// <summary>A turn has ended, and somebody waits for the next one.</summary>
    public void Count()
    {
        _turns++;
        TimeSpan elapsed = time.GetElapsedTime(_since);
        if (elapsed >= Limits.TurnPaceWindow)
        {
            _perSecond = Math.Max(_turns / elapsed.TotalSeconds, (_perSecond ?? 0) * 7 / 8);
            Begin();
        }
    }

    /// <summary>Turns in such a time; all there could be before anything was seen.</summary>
    public double Within(TimeSpan time) => _perSecond is { } pace ? pace * time.TotalSeconds : double.MaxValue;
}
