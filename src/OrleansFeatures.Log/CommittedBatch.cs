namespace OrleansFeatures.Log;

/// <summary>Where an append went. The offsets of its records are in <see cref="AppendBatch.Records"/>.</summary>
public readonly record struct AppendReceipt(LogSequence First, LogSequence Last)
{
    public long Count => Last.Value - First.Value + 1;
}

/// <summary>
/// A batch that is on disk, handed to the consumer in commit order. <see cref="Records"/> points into the very memory the producer
/// wrote; it is valid until <see cref="Release"/>, which the consumer owes exactly once: unreleased batches count against
/// <see cref="LogOptions.QueueBytesMax"/> and hold up appends.
/// </summary>
public sealed class CommittedBatch
{
    private readonly AppendBatch _batch;
    private readonly Action<long> _release;
    private readonly long _charge;
    private int _released;

    internal CommittedBatch(AppendBatch batch, AppendReceipt receipt, long charge, Action<long> release)
    {
        (_batch, Receipt, _charge, _release, Count, Tag) = (batch, receipt, charge, release, batch.Count, batch.Tag);
    }

    public AppendReceipt Receipt { get; }

    public int Count { get; }

    /// <summary>What the producer put into <see cref="AppendBatch.Tag"/>.</summary>
    public object? Tag { get; }

    public LogRecords Records
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _released) != 0, this);
            return new LogRecords(_batch.Frames);
        }
    }

    /// <summary>Gives the memory back and makes room for appends. Calling it again does nothing.</summary>
    public void Release()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0)
        {
            _batch.ReleaseReference();
            _release(_charge);
        }
    }
}
