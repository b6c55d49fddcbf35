using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>Reads single records by their sequence. The append that holds one is fetched whole and kept until another is wanted, so neighbours cost nothing. Blocking; one thread at a time.</summary>
internal sealed class StoredLookup(PostgresStore store, LogPositions positions) : IRecordLookup
{
    private AppendFrames? _append;

    public LogRecord Find(LogSequence sequence)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sequence.Value, nameof(sequence));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sequence, positions.Durable);
        if (_append is null || sequence.Value < _append.First || sequence.Value > _append.Last)
        {
            AppendFrames? found = HistoryQuery.Run(store.DataSource, sequence.Value, sequence.Value, appendsMax: 1).FirstOrDefault();
            _append = found is not null && found.First <= sequence.Value ? found : throw new LogTruncatedException(sequence, positions.First);
        }

        return _append.At(sequence.Value);
    }

    public void Dispose() => _append = null;
}
