using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests;

/// <summary>A log that tells a test how far its reader has come, on the reader's own thread: whatever the test does then has happened before the reader goes on.</summary>
internal sealed class ObservedLog(IRecordSource log) : IRecordSource
{
    /// <summary>The reader asks where the log begins, and is told so afterwards.</summary>
    public Action FirstAsked { get; init; } = () => { };

    /// <summary>The reader is about to be shown this record.</summary>
    public Action<LogSequence> Showing { get; init; } = _ => { };

    /// <summary>A pass is over.</summary>
    public Action PassOver { get; init; } = () => { };

    /// <summary>What the reader is told of the end of every partition, if not the truth.</summary>
    public LogOffset? EndOfPartitions { get; init; }

    public int PartitionCount => log.PartitionCount;

    public LogSequence FirstSequence
    {
        get
        {
            FirstAsked();
            return log.FirstSequence;
        }
    }

    public LogSequence DurableSequence => log.DurableSequence;

    public LogOffset DurableOffset(PartitionId partition) => EndOfPartitions ?? log.DurableOffset(partition);

    public LogSequence Read<TVisitor>(LogSequence from, LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken = default)
        where TVisitor : ILogVisitor, allows ref struct
    {
        var observed = new Observed<TVisitor>(visitor, Showing);
        LogSequence last = log.Read(from, to, ref observed, cancellationToken);
        visitor = observed.Visitor;
        PassOver();
        return last;
    }

    public IRecordLookup Lookup() => log.Lookup();

    public IRecordCursor Cursor(LogSequence from) => log.Cursor(from);

    private ref struct Observed<TVisitor>(TVisitor visitor, Action<LogSequence> showing) : ILogVisitor
        where TVisitor : ILogVisitor, allows ref struct
    {
        public TVisitor Visitor = visitor;

        public bool Visit(LogRecord record)
        {
            showing(record.Sequence);
            return Visitor.Visit(record);
        }
    }
}
