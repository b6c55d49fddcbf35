using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>Reads on where it stopped. Each read is a query of its own by the index of appends, so nothing stays open between them.</summary>
internal sealed class StoredCursor(PostgresLog log, LogSequence from) : IRecordCursor
{
    private LogSequence _next = from;

    public LogSequence Read<TVisitor>(LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken = default)
        where TVisitor : ILogVisitor, allows ref struct
    {
        if (_next.CompareTo(to) <= 0)
        {
            _next = new LogSequence(log.Read(_next, to, ref visitor, cancellationToken).Value + 1);
        }

        return new LogSequence(_next.Value - 1);
    }

    public void Dispose()
    {
    }
}
