using OrleansFeatures.Gateway.Metadata;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>Amendments as they are kept, and word of new ones to whoever waits in this process. Any thread may call.</summary>
public sealed class KeptAmendments(MetadataDatabase database)
{
    private TaskCompletionSource _more = NewSignal();

    internal AmendmentTable Table { get; } = new(database);

    /// <summary>Completes when this process has written an amendment after the property was read.</summary>
    internal Task NextWritten => Volatile.Read(ref _more).Task;

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
