using System.Threading.Channels;
using Grpc.Core;
using OrleansFeatures.Client.Connections;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Pushing;

/// <summary>
/// Events in, at the server's pace, over one stream that outlives its connections:
/// <code>
///   PushAsync → [bounded] → sender → PushStream → server
///                              |                     |
///                       [unacknowledged] ← acknowledgements, in order
/// </code>
/// A batch stays in the unacknowledged queue until its acknowledgement has come. When the connection is lost, the next one first sends that queue again, in order, which is safe: the store knows events by
/// their ids. Any thread may push.
/// </summary>
public sealed class EventStream : IAsyncDisposable
{
    private readonly ConnectionPool _pool;
    private readonly Calls _calls;
    private readonly FeatureStoreClientOptions _options;
    private readonly TokenMemory _tokens;
    private readonly Channel<Batch> _waiting;
    private readonly SemaphoreSlim _room;
    private readonly Lock _order = new();
    private readonly Queue<Batch> _unacknowledged = new();
    private readonly Task _running;
    private ulong _sequence;
    private long _progressAt;
    private readonly CancellationToken _abandon;
    private volatile Exception? _failure;
    private long _reconnects;

    internal EventStream(FeatureStoreClientOptions options, ConnectionPool pool, Calls calls, TokenMemory tokens, CancellationToken abandon)
    {
        _abandon = abandon;
        (_options, _pool, _calls, _tokens) = (options, pool, calls, tokens);
        _room = new SemaphoreSlim(options.BatchesInFlight);
        _waiting = Channel.CreateUnbounded<Batch>(new UnboundedChannelOptions { SingleReader = true }); // Bounded by the room.
        _progressAt = options.Time.GetTimestamp();
        _running = RunAsync();
    }

    /// <summary>How often the connection was lost and another one tried.</summary>
    public long Reconnects => Volatile.Read(ref _reconnects);

    /// <summary>
    /// Hands a batch over: completes when there is room for it, and gives the task that completes when the store has acknowledged it; then every event of it that was not refused is on disk. The batch must not
    /// be changed after the call. Cancellation is honoured until there is room; after that the batch goes its way.
    /// </summary>
    /// <exception cref="RpcException">Here or from the task: the stream has failed for good. The server refused it, or did not come back within <see cref="FeatureStoreClientOptions.ReconnectFor"/>. What is unacknowledged may be durable or not; pushing it again is safe.</exception>
    /// <exception cref="OperationCanceledException">From the task: the stream was abandoned.</exception>
    /// <exception cref="ObjectDisposedException">The stream has been closed.</exception>
    public async ValueTask<Task<PushResponse>> SendAsync(PushRequest batch, CancellationToken cancellationToken = default)
    {
        await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        var handed = new Batch(batch);
        lock (_order)
        {
            batch.Sequence = _sequence + 1;
            if (!_waiting.Writer.TryWrite(handed))
            {
                _room.Release();
                throw _failure ?? new ObjectDisposedException(nameof(EventStream));
            }

            _sequence++;
        }

        return handed.Answer.Task;
    }

    /// <summary><see cref="SendAsync"/>, and waits for the acknowledgement as well.</summary>
    public async Task<PushResponse> PushAsync(PushRequest batch, CancellationToken cancellationToken = default) =>
        await (await SendAsync(batch, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary>Takes no more batches, and ends when what was handed over is acknowledged, or the stream has failed; whoever waits for a batch hears of it there.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _running.ConfigureAwait(false);
        _room.Dispose();
    }

    private async Task RunAsync()
    {
        var patience = new Patience(_options);
        while (true)
        {
            patience.Begin();
            try
            {
                await SendOverOneConnectionAsync().ConfigureAwait(false);
                return;
            }
            catch (Exception failure) when (_abandon.IsCancellationRequested && failure is RpcException or OperationCanceledException)
            {
                Fail(new OperationCanceledException("the stream was abandoned; what is unacknowledged may be durable or not", failure, _abandon));
                return;
            }
            catch (RpcException failure)
            {
                if (!Refusals.IsLost(failure) || !await IsTriedAgainAsync(patience).ConfigureAwait(false))
                {
                    Fail(failure);
                    return;
                }

                Interlocked.Increment(ref _reconnects);
            }
        }
    }

    private async ValueTask<bool> IsTriedAgainAsync(Patience patience)
    {
        try
        {
            return await patience.WaitAsync(Volatile.Read(ref _progressAt), _abandon).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_abandon.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task SendOverOneConnectionAsync()
    {
        Connection connection = _pool.Take();
        bool isLost = true;
        try
        {
            using AsyncDuplexStreamingCall<PushRequest, PushResponse> call = connection.Ingest.PushStream(_calls.StreamOptions(_abandon));
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(_abandon);
            Task acknowledgements = ReceiveAsync(call, ended);
            try
            {
                await WriteAllAsync(call.RequestStream, ended.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is RpcException or InvalidOperationException or OperationCanceledException or IOException)
            {
                // The stream ended under the writer. Why is known to the receiving side, whose exception is the one to report; a receiver that does not notice is ended.
                await Task.WhenAny(acknowledgements, Task.Delay(Limits.StreamEndGrace)).ConfigureAwait(false);
                call.Dispose();
            }

            await acknowledgements.ConfigureAwait(false);
            if (!IsEverythingAcknowledged())
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "the server ended the stream before it had acknowledged everything"));
            }

            isLost = false;
        }
        finally
        {
            _pool.Return(connection, isLost);
        }
    }

    private async Task WriteAllAsync(IClientStreamWriter<PushRequest> stream, CancellationToken cancellationToken)
    {
        Batch[] again;
        lock (_unacknowledged)
        {
            again = [.. _unacknowledged];
        }

        foreach (Batch batch in again)
        {
            await stream.WriteAsync(batch.Request, cancellationToken).ConfigureAwait(false);
        }

        while (await _waiting.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!_waiting.Reader.TryRead(out Batch? batch))
            {
                continue;
            }

            lock (_unacknowledged)
            {
                _unacknowledged.Enqueue(batch);
            }

            await stream.WriteAsync(batch.Request, cancellationToken).ConfigureAwait(false);
        }

        await stream.CompleteAsync().ConfigureAwait(false);
    }

    private async Task ReceiveAsync(AsyncDuplexStreamingCall<PushRequest, PushResponse> call, CancellationTokenSource ended)
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
        Batch? batch;
        lock (_unacknowledged)
        {
            if (!_unacknowledged.TryPeek(out batch) || batch.Request.Sequence != answer.Sequence)
            {
                throw new RpcException(new Status(StatusCode.FailedPrecondition, $"batch {answer.Sequence} was acknowledged out of order; the server does not keep the protocol, update it"));
            }

            _unacknowledged.Dequeue();
        }

        Volatile.Write(ref _progressAt, _options.Time.GetTimestamp());
        _tokens.Add(answer.Token);
        _room.Release();
        batch.Answer.SetResult(answer);
    }

    private bool IsEverythingAcknowledged()
    {
        lock (_unacknowledged)
        {
            return _unacknowledged.Count == 0 && _waiting.Reader.Completion.IsCompleted;
        }
    }

    private void Fail(Exception failure)
    {
        _failure = failure;
        lock (_order)
        {
            _waiting.Writer.TryComplete();
        }

        lock (_unacknowledged)
        {
            while (_waiting.Reader.TryRead(out Batch? batch))
            {
                _unacknowledged.Enqueue(batch);
            }

            while (_unacknowledged.TryDequeue(out Batch? batch))
            {
                batch.Answer.SetException(failure);
                _room.Release();
            }
        }
    }

    private sealed class Batch(PushRequest request)
    {
        public PushRequest Request => request;

        public TaskCompletionSource<PushResponse> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
