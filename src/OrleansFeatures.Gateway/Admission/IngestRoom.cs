namespace OrleansFeatures.Gateway.Admission;

/// <summary>
/// Room for pushes between the wire and the log, of all connections together. Two things are scarce:
/// <code>
///   turns   reading a push is CPU time without a pause, up to 100 ms: PushesReadAtOnceMax of them, so that a flood of events leaves cores to lookups
///   bytes   what has been read waits for the log: IngestBytesMax, so that a thousand streams do not hold 32 batches each in memory
/// </code>
/// A stream waits for either, and reads nothing from its connection meanwhile, which slows its producer; a single push waits for a turn if not too many do, and is refused when bytes are short. Any thread.
/// </summary>
public sealed class IngestRoom : IDisposable
{
    private readonly SemaphoreSlim _turns = new(Limits.PushesReadAtOnceMax);
    private readonly Lock _gate = new();
    private TaskCompletionSource? _freed;
    private long _bytes;
    private long _eventsRead;
    private int _waiting;

    /// <summary>Bytes that have been read and are not durable yet.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Waits for a turn to read a push; <see cref="EndTurn"/> once after it.</summary>
    /// <param name="isStream">Waits as long as it takes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="RequestRefusedException">A single push finds no room.</exception>
    public ValueTask BeginTurnAsync(bool isStream, CancellationToken cancellationToken) =>
        Bytes < Limits.IngestBytesMax && _turns.Wait(0, CancellationToken.None) ? ValueTask.CompletedTask : new ValueTask(WaitAsync(isStream, cancellationToken));

    public void EndTurn() => _turns.Release();

    /// <summary>Events that single pushes have brought, counted as the reading of a push begins. Not those of streams, which are slowed and not refused: a push that is refused on their account would make nobody's wait shorter.</summary>
    public long EventsRead => Volatile.Read(ref _eventsRead);

    /// <summary>A single push of so many events is being read.</summary>
    public void Read(int events) => Interlocked.Add(ref _eventsRead, events);

    /// <summary>A push has been read. Give back as many with <see cref="Free"/> when it is durable, or given up.</summary>
    public void Hold(int bytes) => Interlocked.Add(ref _bytes, bytes);

    public void Free(int bytes)
    {
        TaskCompletionSource? freed = null;
        if (Interlocked.Add(ref _bytes, -bytes) < Limits.IngestBytesMax)
        {
            lock (_gate)
            {
                (freed, _freed) = (_freed, null);
            }
        }

        freed?.SetResult();
    }

    public void Dispose() => _turns.Dispose();

    private async Task WaitAsync(bool isStream, CancellationToken cancellationToken)
    {
        if (isStream)
        {
            await BytesAsync(cancellationToken).ConfigureAwait(false);
            await _turns.WaitAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        try
        {
            if (Interlocked.Increment(ref _waiting) > Limits.PushesWaitingMax || Bytes >= Limits.IngestBytesMax)
            {
                throw Refuse.Full();
            }

            await _turns.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private async Task BytesAsync(CancellationToken cancellationToken)
    {
        while (Bytes >= Limits.IngestBytesMax)
        {
            Task freed;
            lock (_gate)
            {
                _freed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                freed = _freed.Task;
            }

            // What was freed between the first look and the entry told nobody.
            if (Bytes >= Limits.IngestBytesMax)
            {
                await freed.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
