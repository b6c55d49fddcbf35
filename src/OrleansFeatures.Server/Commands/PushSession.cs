using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary>
/// Pushes the rows of one file over one stream at a time, never holding more than a bounded part of it:
/// <code>
///   file → reader → [parsed, bounded] → sender → PushStream → server
///                                         |                     |
///                                  [unacknowledged] ← acknowledgements, in order
/// </code>
/// A batch stays in the unacknowledged queue until its acknowledgement arrives. When the connection is lost, a new stream first sends
/// that queue again, in order, which is safe: the store recognizes what it already has by event id. The reader, the sender and the
/// receiver of acknowledgements are three tasks; the queue is the only thing that the last two share, under its lock.
/// </summary>
internal sealed class PushSession(ServerConnection connection, InputFile input, EventBatcher batcher, TimeSpan retryFor) : IDisposable
{
    private readonly Channel<PushBatch> _parsed = Channel.CreateBounded<PushBatch>(
        new BoundedChannelOptions(Limits.ParsedBatchesMax) { SingleReader = true, SingleWriter = true });

    private readonly Queue<PushBatch> _unacknowledged = new();
    private readonly SemaphoreSlim _room = new(Limits.UnacknowledgedBatchesMax);
    private readonly Stopwatch _sinceProgress = new();
    private readonly Stopwatch _elapsed = new();
    private CommandFailure? _readFailure;
    private ulong _sequence;

    /// <summary>What the store has answered so far. Grows while <see cref="RunAsync"/> runs; counts may be read from another thread.</summary>
    public PushTotals Totals { get; } = new();

    public TimeSpan Elapsed => _elapsed.Elapsed;

    /// <summary>
    /// Pushes everything. Ends with null when the whole file was read and acknowledged, else with what stopped it: the file
    /// (what was read before is acknowledged), the connection, or the token (<see cref="PushTotals.AcknowledgedThroughLine"/> says how far it came).
    /// </summary>
    public async Task<CommandFailure?> RunAsync(CancellationToken cancellationToken)
    {
        _elapsed.Start();
        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task reading = Task.Run(() => ReadFileAsync(stopReading.Token), CancellationToken.None);
        try
        {
            await SendWithRetriesAsync(cancellationToken).ConfigureAwait(false);
            await reading.ConfigureAwait(false);
            return _readFailure;
        }
        catch (Exception exception) when (cancellationToken.IsCancellationRequested && exception is RpcException or OperationCanceledException)
        {
            return CommandFailure.Refused($"interrupted; {Acknowledged()}", exception);
        }
        catch (RpcException exception)
        {
            return Stopped(exception);
        }
        finally
        {
            _elapsed.Stop();
            await stopReading.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose() => _room.Dispose();

    private async Task ReadFileAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ReadRowsAsync(cancellationToken).ConfigureAwait(false);
            await HandOverAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // Also after a bug of ours: the sender must not wait for rows that never come.
            _parsed.Writer.TryComplete();
        }
    }

    private async Task ReadRowsAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (input.Rows.Read())
            {
                if (batcher.Add(input.Rows) is { } problem)
                {
                    Totals.AddUnreadable(input.Rows.Line, problem);
                }

                if (batcher.IsFull)
                {
                    await HandOverAsync(cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (CommandFailure failure)
        {
            _readFailure = failure;
        }
    }

    private async Task HandOverAsync(CancellationToken cancellationToken)
    {
        foreach (PushBatch batch in batcher.Take())
        {
            batch.Request.Sequence = ++_sequence;
            await _parsed.Writer.WriteAsync(batch, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task SendWithRetriesAsync(CancellationToken cancellationToken)
    {
        _sinceProgress.Restart();
        while (true)
        {
            try
            {
                await SendOverOneStreamAsync(cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RpcException exception) when (ServerConnection.IsLost(exception) && !cancellationToken.IsCancellationRequested && _sinceProgress.Elapsed < retryFor)
            {
                Totals.Reconnects++;
                await Task.Delay(Limits.RetryPauseMs, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task SendOverOneStreamAsync(CancellationToken cancellationToken)
    {
        using AsyncDuplexStreamingCall<PushRequest, PushResponse> call = connection.Ingest.PushStream(cancellationToken: cancellationToken);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task acknowledgements = ReceiveAcknowledgementsAsync(call, ended);
        try
        {
            await SendBatchesAsync(call.RequestStream, ended.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException or OperationCanceledException or IOException)
        {
            // The stream ended under the writer. Why is known to the receiving side, whose exception is the one to report;
            // a receiver that does not notice is ended.
            await Task.WhenAny(acknowledgements, Task.Delay(Limits.StreamEndGraceMs, CancellationToken.None)).ConfigureAwait(false);
            call.Dispose();
        }

        await acknowledgements.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (!IsEverythingAcknowledged())
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the server ended the stream before it had acknowledged everything"));
        }
    }

    private async Task SendBatchesAsync(IClientStreamWriter<PushRequest> stream, CancellationToken cancellationToken)
    {
        PushBatch[] again;
        lock (_unacknowledged)
        {
            again = _unacknowledged.ToArray();
        }

        foreach (PushBatch batch in again)
        {
            await stream.WriteAsync(batch.Request, cancellationToken).ConfigureAwait(false);
        }

        while (await _parsed.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
            _parsed.Reader.TryRead(out PushBatch? batch);
            lock (_unacknowledged)
            {
                _unacknowledged.Enqueue(batch!);
            }

            await stream.WriteAsync(batch!.Request, cancellationToken).ConfigureAwait(false);
        }

        await stream.CompleteAsync().ConfigureAwait(false);
    }

    private async Task ReceiveAcknowledgementsAsync(AsyncDuplexStreamingCall<PushRequest, PushResponse> call, CancellationTokenSource ended)
    {
        try
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
                Acknowledge(call.ResponseStream.Current);
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }

    private void Acknowledge(PushResponse answer)
    {
        lock (_unacknowledged)
        {
            if (!_unacknowledged.TryPeek(out PushBatch? batch) || batch.Request.Sequence != answer.Sequence)
            {
                throw CommandFailure.Refused($"{connection.Server}: acknowledged batch {answer.Sequence} out of order; the server does not keep the protocol, update it");
            }

            _unacknowledged.Dequeue();
            Totals.Add(batch, answer);
            Totals.AcknowledgedThroughLine = batch.CompleteThrough;
        }

        _sinceProgress.Restart();
        _room.Release();
    }

    private bool IsEverythingAcknowledged()
    {
        lock (_unacknowledged)
        {
            return _unacknowledged.Count == 0 && _parsed.Reader.Completion.IsCompleted;
        }
    }

    private CommandFailure Stopped(RpcException exception)
    {
        if (!ServerConnection.IsLost(exception))
        {
            return connection.Failure(exception);
        }

        return CommandFailure.Unreachable(
            $"{connection.Server}: the connection was lost and did not come back within {retryFor.TotalSeconds:F0} s ({exception.Status.Detail}); {Acknowledged()}",
            exception);
    }

    private string Acknowledged()
    {
        string how = Totals.AcknowledgedThroughLine == 0
            ? "nothing is acknowledged"
            : $"lines up to {Totals.AcknowledgedThroughLine} are acknowledged";
        return $"{how}; pushing the same file again is safe, events are recognized by their id";
    }
}
