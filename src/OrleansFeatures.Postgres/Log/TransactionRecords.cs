using OrleansFeatures.Domain;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// The log as the intake sees it inside an append transaction: records get their places at once, in memory, and a correction finds the version before it whether that was fetched from PostgreSQL or has just been numbered. One thread.
/// </summary>
internal sealed class TransactionRecords(LogHead head) : IAppendTarget, IRecordLookup
{
    private readonly Dictionary<long, byte[]?> _fetched = [];
    private readonly List<Numbered> _appended = [];
    private readonly long[] _nextOffsets = [.. head.NextOffsets];

    /// <summary>The sequence behind the last record.</summary>
    public long Next { get; private set; } = head.Next;

    /// <summary>By partition, the offset behind its last record.</summary>
    public long[] NextOffsets => _nextOffsets;

    /// <summary>What came, in order.</summary>
    public IEnumerable<AppendBatch> Appended => _appended.Select(numbered => numbered.Batch);

    public bool IsEmpty => _appended.Count == 0;

    /// <summary>A version that some correction may replace; null where old history no longer has it.</summary>
    public void Fetched(long sequence, byte[]? frame) => _fetched[sequence] = frame;

    /// <summary>Whether a version that was fetched is still in history.</summary>
    public bool IsThere(long sequence) => _fetched.GetValueOrDefault(sequence) is not null;

    public ValueTask<AppendReceipt?> AppendAsync(AppendBatch records, bool wait, CancellationToken cancellationToken) => ValueTask.FromResult<AppendReceipt?>(Number(records));

    public AppendReceipt Number(AppendBatch records)
    {
        AppendReceipt receipt = records.Number(new LogSequence(Next), _nextOffsets);
        _appended.Add(new Numbered(records, receipt));
        Next = receipt.Last.Value + 1;
        return receipt;
    }

    public IRecordLookup Lookup() => this;

    public LogRecord Find(LogSequence sequence)
    {
        if (_fetched.TryGetValue(sequence.Value, out byte[]? frame))
        {
            return frame is null ? throw new LogTruncatedException(sequence, new LogSequence(head.First)) : Only(LogRecords.Of(frame, $"the version of an event at sequence {sequence} in log_records"));
        }

        foreach (Numbered numbered in _appended)
        {
            if (sequence.CompareTo(numbered.Receipt.First) >= 0 && sequence.CompareTo(numbered.Receipt.Last) <= 0)
            {
                return numbered.Batch.Records.At(numbered.PositionOf(sequence));
            }
        }

        throw new InvariantException($"a correction looks for the version at sequence {sequence}, which nobody fetched");
    }

    public void Dispose()
    {
        // It lives as long as the transaction does.
    }

    private static LogRecord Only(LogRecords records)
    {
        LogRecords.Enumerator walk = records.GetEnumerator();
        InvariantException.Require(walk.MoveNext(), "a version of an event has no bytes");
        return walk.Current;
    }

    private sealed class Numbered(AppendBatch batch, AppendReceipt receipt)
    {
        private int[]? _positions;

        public AppendBatch Batch => batch;

        public AppendReceipt Receipt => receipt;

        public int PositionOf(LogSequence sequence)
        {
            _positions ??= Positions();
            return _positions[sequence.Value - receipt.First.Value];
        }

        private int[] Positions()
        {
            int[] positions = new int[receipt.Count];
            int index = 0;
            for (LogRecords.Enumerator walk = batch.Records.GetEnumerator(); walk.MoveNext();)
            {
                positions[index++] = walk.Position;
            }

            return positions;
        }
    }
}
