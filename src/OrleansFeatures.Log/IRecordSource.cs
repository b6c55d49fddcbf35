namespace OrleansFeatures.Log;

/// <summary>A log as its readers know it, wherever its records are kept: dense sequences, and dense offsets in each partition. Any thread may call; reads block the caller's.</summary>
public interface IRecordSource
{
    int PartitionCount { get; }

    /// <summary>The oldest record that is still there; the next one to come in an empty log.</summary>
    LogSequence FirstSequence { get; }

    /// <summary>The newest durable record; <see cref="LogSequence.None"/> in an empty log.</summary>
    LogSequence DurableSequence { get; }

    /// <summary>The last durable record of a partition.</summary>
    LogOffset DurableOffset(PartitionId partition);

    /// <summary>
    /// Shows the visitor every durable record from one sequence to another, both included, in order; ends early where the durable log ends or when the visitor says so. Returns the last
    /// sequence shown (<paramref name="from"/> - 1 if none).
    /// </summary>
    /// <exception cref="LogException">The log cannot be read, or no longer holds <paramref name="from"/> (<see cref="LogTruncatedException"/>).</exception>
    LogSequence Read<TVisitor>(LogSequence from, LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken = default)
        where TVisitor : ILogVisitor, allows ref struct;

    /// <summary>For reading single durable records at random. Dispose it soon.</summary>
    IRecordLookup Lookup();

    /// <summary>For whoever follows the log: it reads on where it stopped, and costs what there is to read and not what lies before it.</summary>
    IRecordCursor Cursor(LogSequence from);
}

/// <summary>Reads the log's durable records in order, as far as they go, and later the next. One thread at a time.</summary>
public interface IRecordCursor : IDisposable
{
    /// <summary>
    /// Shows the visitor the records from where this stopped to <paramref name="to"/>, included; ends early where the durable log ends or when the visitor says so. Returns the last sequence that lies behind it now. Blocks the
    /// caller's thread for the reading.
    /// </summary>
    /// <exception cref="LogException">As of <see cref="IRecordSource.Read"/>. Where it stopped stays where it was, or moves to what was shown.</exception>
    LogSequence Read<TVisitor>(LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken = default)
        where TVisitor : ILogVisitor, allows ref struct;
}

/// <summary>Reads single records by their sequence. One thread at a time.</summary>
public interface IRecordLookup : IDisposable
{
    /// <summary>The record; it lies in a buffer that the next call may overwrite.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The log does not hold it yet, or not durably.</exception>
    /// <exception cref="LogTruncatedException">The log no longer holds it.</exception>
    /// <exception cref="LogException">It cannot be read.</exception>
    LogRecord Find(LogSequence sequence);
}
