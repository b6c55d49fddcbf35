using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>Amendments as they are kept, and word of new ones to whoever waits in this process. Any thread may call.</summary>
public sealed class KeptAmendments(MetadataDatabase database)
{
    private TaskCompletionSource _more = NewSignal();

    internal AmendmentTable Table { get; } = new(database);

    /// <summary>Completes when this process has written an amendment after the property was read.</summary>
    internal Task NextWritten => Volatile.Read(ref _more).Task;

    /// <summary>For operators.</summary>
    internal PredictionStatus Status()
    {
        AmendmentHead head = Table.Head();
        (long kept, long letGo, long due) = new PredictionTable(database).Counts();
        return new PredictionStatus { Kept = (ulong)kept, LetGo = (ulong)letGo, Retired = (ulong)head.Retired, Due = (ulong)due, Amendments = (ulong)head.Newest, LogThrough = head.LogThrough };
    }

    internal void Written(long count)
    {
        if (count > 0)
        {
            GatewayMeters.Amended(count);
            Interlocked.Exchange(ref _more, NewSignal()).SetResult();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
