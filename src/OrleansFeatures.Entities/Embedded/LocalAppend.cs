using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>Batches go into this process's own log.</summary>
internal sealed class LocalAppend(EventLog log) : IAppendTarget
{
    public async ValueTask<AppendReceipt?> AppendAsync(AppendBatch records, bool wait, CancellationToken cancellationToken)
    {
        if (wait)
        {
            return await log.AppendAsync(records, cancellationToken);
        }

        return log.TryAppend(records, out Task<AppendReceipt> durable) ? await durable : null;
    }

    public IRecordLookup Lookup() => log.Lookup();
}
