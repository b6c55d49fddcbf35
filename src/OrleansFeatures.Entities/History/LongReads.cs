using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.History;

/// <summary>
/// The reads of a host that go over the log, each kind with its own turns so that none keeps another waiting:
/// <code>
///   training rows  ── <see cref="Limits.HistoryReadsAtOnceMax"/> at once ──> live state, then <see cref="HistoryReader"/> for what that leaves open
///   explanations   ── <see cref="Limits.ExplanationsAtOnceMax"/> at once ──> live state, then <see cref="Explaining"/>
///   reconciliation ── one, others are refused ──> <see cref="Reconciliation"/>
/// </code>
/// Any thread.
/// </summary>
/// <param name="log">Where the records are.</param>
/// <param name="host">Whose reads they are.</param>
/// <param name="floors">By stream: the newest event time of history that is missing, as it is when it is asked for. May block.</param>
internal sealed class LongReads(IRecordSource log, IEntityHost host, Func<CancellationToken, IReadOnlyDictionary<uint, long>> floors)
{
    private readonly HistoryTurns _historyTurns = new(Limits.HistoryReadsAtOnceMax);
    private readonly HistoryTurns _explanationTurns = new(Limits.ExplanationsAtOnceMax);
    private int _reconciling;

    /// <summary>Fills from the log what live state could not answer. <paramref name="live"/> fills the read from that in its turn, as millions of rows take long too; null where it has been.</summary>
    public Task FillAsync(FeatureRead read, Action? live, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken) => _historyTurns.RunAsync(
        () =>
        {
            live?.Invoke();
            new HistoryReader(log, host.Partitions, () => floors(cancellationToken)).Fill(read, progress, cancellationToken);
        },
        cancellationToken);

    /// <inheritdoc cref="IEntityHost.ExplainAsync"/>
    public async Task<IReadOnlyList<ExplainedValue>> ExplainAsync(FeatureRead read, int eventsMax, CancellationToken cancellationToken)
    {
        await host.ReadAsync(read, cancellationToken);
        return await _explanationTurns.RunAsync(
            () => UncutPass.Make(() => new Explaining(log, host.Partitions, () => floors(cancellationToken), eventsMax).Run(read, cancellationToken)), cancellationToken);
    }

    /// <inheritdoc cref="IEntityHost.ReconcileAsync"/>
    public async Task<ReconcileReport> ReconcileAsync(ReconcileScope scope, Action<ReconcileProgress> progress, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _reconciling, 1) == 1)
        {
            throw new ReconcileUnderWayException();
        }

        try
        {
            return await Background.Run(() => new Reconciliation(log, host, scope, () => floors(cancellationToken), progress).RunAsync(cancellationToken), cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _reconciling, 0);
        }
    }
}
