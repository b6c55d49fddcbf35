namespace OrleansFeatures.Server.Demo;

/// <summary>A counter's increase per second over the last while: samples at its edge are compared, so bursts between samples count.</summary>
internal sealed class RollingRate(TimeSpan window)
{
    private readonly Queue<(ulong Count, TimeSpan At)> _samples = new([(0UL, TimeSpan.Zero)]);

    public double Update(ulong count, TimeSpan now)
    {
        _samples.Enqueue((count, now));
        while (_samples.Count > 2 && now - _samples.ElementAt(1).At >= window)
        {
            _samples.Dequeue();
        }

        (ulong firstCount, TimeSpan firstAt) = _samples.Peek();
        return now == firstAt ? 0 : (count - firstCount) / (now - firstAt).TotalSeconds;
    }
}
