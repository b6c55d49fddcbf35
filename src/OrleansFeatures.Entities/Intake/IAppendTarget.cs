using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Intake;

/// <summary>Where the records of batches go, and where the versions that corrections replace are found: the local log, or an append transaction elsewhere.</summary>
public interface IAppendTarget
{
    /// <summary>
    /// Completes when the records are in the log, in this order and with places that only grow; then <see cref="AppendBatch.Records"/> can be read, and <see cref="Lookup"/> finds them. Null if the log's queue is full and <paramref name="wait"/> is
    /// not set; nothing was appended then. <see cref="AppendBatch.Tag"/> is the records' <see cref="TimeMarks"/>, or null.
    /// </summary>
    /// <exception cref="LogException">The log refused or failed.</exception>
    ValueTask<AppendReceipt?> AppendAsync(AppendBatch records, bool wait, CancellationToken cancellationToken);

    IRecordLookup Lookup();
}
