namespace OrleansFeatures.Client.Connections;

/// <summary>
/// How long a stream goes on trying to get a lost connection back: <see cref="FeatureStoreClientOptions.ReconnectFor"/> from its loss on, with doubling pauses. A connection that brought something, or held for
/// a while, begins the count anew. One thread at a time.
/// </summary>
internal sealed class Patience(FeatureStoreClientOptions options)
{
    private long _began;
    private long? _lostAt;
    private int _attempt;

    /// <summary>A connection is tried.</summary>
    public void Begin() => _began = options.Time.GetTimestamp();

    /// <summary>It was lost: pauses before the next one. False when the time is over.</summary>
    /// <param name="progressAt">When the stream last brought anything.</param>
    /// <param name="cancellationToken">Ends the pause.</param>
    public async ValueTask<bool> WaitAsync(long progressAt, CancellationToken cancellationToken)
    {
        if (_lostAt is null || progressAt >= _began || options.Time.GetElapsedTime(_began) > Limits.RetryPauseMax)
        {
            _lostAt = options.Time.GetTimestamp();
            _attempt = 0;
        }

        if (options.Time.GetElapsedTime(_lostAt.Value) >= options.ReconnectFor)
        {
            return false;
        }

        TimeSpan pause = options.RetryPause * Math.Pow(2, Math.Min(_attempt++, 16));
        await Task.Delay(pause < Limits.RetryPauseMax ? pause : Limits.RetryPauseMax, options.Time, cancellationToken).ConfigureAwait(false);
        return true;
    }
}
