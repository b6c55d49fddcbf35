using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>How far all partitions have applied the log, for whoever waits until they have come further. One thread moves it, any may wait.</summary>
internal sealed class AppliedProgress(LogSequence through)
{
    private long _through = through.Value;
    private TaskCompletionSource? _more;
    private volatile bool _isClosed;

    /// <summary>The newest record that reads see, and with it all before it.</summary>
    public LogSequence Through => new(Volatile.Read(ref _through));

    public void Advance(LogSequence through)
    {
        Volatile.Write(ref _through, through.Value);
        Interlocked.Exchange(ref _more, null)?.SetResult();
    }

    /// <summary>Nothing is applied any more.</summary>
    public void Close()
    {
        _isClosed = true;
        Interlocked.Exchange(ref _more, null)?.SetResult();
    }

    /// <summary>Ended by the batch that brings the record, or a later one, or by the end of the host.</summary>
    /// <exception cref="ObjectDisposedException">The host has been closed.</exception>
    public async Task WaitAsync(LogSequence sequence, CancellationToken cancellationToken)
    {
        while (Through.CompareTo(sequence) < 0)
        {
            var more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            more = Interlocked.CompareExchange(ref _more, more, null) ?? more;
            ObjectDisposedException.ThrowIf(_isClosed, typeof(EmbeddedHost));
            if (Through.CompareTo(sequence) < 0)
            {
                await Background.WaitAsync(more.Task, cancellationToken);
            }
        }
    }
}
