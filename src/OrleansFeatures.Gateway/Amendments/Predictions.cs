using System.Threading.Channels;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>How long predictions are kept. Default: <see cref="Limits.PredictionHistoryDefault"/>.</summary>
public sealed record PredictionHistory(TimeSpan Horizon)
{
    public static readonly PredictionHistory Default = new(Limits.PredictionHistoryDefault);
}

/// <summary>
/// Makes what was served under names durable, before it is sent. Calls that wait at the same time share a commit:
/// <code>
///   call ─┐
///   call ─┼─ queue, bounded ──> one loop: everything that waits, one transaction ──> calls go on
///   call ─┘
/// </code>
/// A call that finds the queue full is refused, because a queue that only grows would hold every answer back. Any thread may call.
/// </summary>
public sealed class Predictions : IAsyncDisposable
{
    private readonly PredictionTable _table;
    private readonly TimeProvider _time;
    private readonly Channel<Call> _queue = Channel.CreateUnbounded<Call>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _committing;
    private int _waiting;
    private TaskCompletionSource _kept = NewSignal();

    public Predictions(MetadataDatabase database, TimeProvider time)
    {
        _table = new PredictionTable(database);
        _time = time;
        _committing = Task.Run(CommitAsync);
    }

    /// <summary>Completes when this process has kept a prediction after the property was read.</summary>
    internal Task NextKept => Volatile.Read(ref _kept).Task;

    internal PredictionTable Table => _table;

    /// <summary>Whether the names of a request fit its rows; before anything is read.</summary>
    /// <exception cref="RequestRefusedException">They do not.</exception>
    internal static void Check(GetFeaturesRequest request, int rows)
    {
        if (request.PredictionIds.Count != rows)
        {
            throw Refuse.Argument("prediction_ids", $"{request.PredictionIds.Count} ids for {rows} rows", "give one per row; an empty one for a row that is not to be kept");
        }

        if (request.PredictionIds.FirstOrDefault(id => id.Length > Limits.PredictionIdCharsMax) is { } tooLong)
        {
            throw Refuse.Argument("prediction_ids", $"an id of {tooLong.Length} characters", $"give at most {Limits.PredictionIdCharsMax}");
        }

        if (request.PredictionIds.Where(id => id.Length > 0).GroupBy(id => id, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw Refuse.Argument("prediction_ids", $"'{twice.Key}' names {twice.Count()} rows", "give every row an id of its own");
        }

        if (request.KnownAtMicros.Any(micros => micros != EventTime.Never.Micros))
        {
            throw Refuse.Argument("prediction_ids", "the request has known_at_micros, and what comes later cannot change what was known then", "leave out one of the two");
        }
    }

    /// <summary>
    /// Completes when those rows of a filled read that have a name, and an answer, are durable. <paramref name="request"/> has passed the check; the read's selection is of <paramref name="catalog"/>. Cancellation gives up waiting; the
    /// rows may be kept all the same.
    /// </summary>
    /// <exception cref="RequestRefusedException">The queue is full, or a name is taken by another question.</exception>
    /// <exception cref="MetadataException">They could not be written.</exception>
    internal async ValueTask KeepAsync(GetFeaturesRequest request, FeatureRead read, Catalog catalog, CancellationToken cancellationToken)
    {
        EventTime now = EventTime.From(_time.GetUtcNow());
        List<Prediction> predictions = [.. Enumerable.Range(0, read.Rows).Where(row => request.PredictionIds[row].Length > 0 && read.Partial?.IsGivenUp(row) != true).Select(row => Prediction.Of(request, read, row, catalog, now))];
        if (predictions.Count == 0)
        {
            return;
        }

        var call = new Call(predictions);
        if (Interlocked.Add(ref _waiting, predictions.Count) > Limits.PredictionsWaitingMax || !_queue.Writer.TryWrite(call))
        {
            Interlocked.Add(ref _waiting, -predictions.Count);
            throw Refuse.Busy("prediction_ids", "more predictions are being kept at the moment than the disk takes", "ask again in a moment, or leave the ids out");
        }

        await call.Durable.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Keeps what waits, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _committing.ConfigureAwait(false);
    }

    private async Task CommitAsync()
    {
        var together = new List<Call>();
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            for (int rows = 0; rows < Limits.PredictionsPerCommitMax && _queue.Reader.TryRead(out Call? call); rows += call.Predictions.Count)
            {
                together.Add(call);
            }

            Commit(together);
            Interlocked.Add(ref _waiting, -together.Sum(call => call.Predictions.Count));
            together.Clear();
            Interlocked.Exchange(ref _kept, NewSignal()).SetResult();
        }
    }

    private void Commit(List<Call> calls)
    {
        try
        {
            RequestRefusedException?[] refusals = _table.Keep([.. calls.Select(call => call.Predictions)]);
            for (int index = 0; index < calls.Count; index++)
            {
                if (refusals[index] is { } refusal)
                {
                    calls[index].Durable.SetException(refusal);
                }
                else
                {
                    GatewayMeters.Kept(calls[index].Predictions.Count);
                    calls[index].Durable.SetResult();
                }
            }
        }
        catch (Exception failure)
        {
            // The top of the loop: whatever it was, these calls are told, and the next ones have their own try.
            calls.ForEach(call => call.Durable.TrySetException(failure));
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Call(IReadOnlyList<Prediction> Predictions)
    {
        public TaskCompletionSource Durable { get; } = NewSignal();
    }
}
