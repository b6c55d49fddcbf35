using Grpc.Core;
using Grpc.Headers;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Grpc.Server;

/// <summary>The end of a call, exactly once; see the drawing in ServerCall.cs.</summary>
internal sealed partial class ServerCall
{
    private static readonly Status DeadlineExceeded = new(StatusCode.DeadlineExceeded, "The deadline passed before the call was done.");

    private readonly Lock _gate = new();
    private bool _ended;
    private bool _writing;
    private bool _interrupted;
    private Status? _statusAfterWrite;
    private TaskCompletionSource? _earlyEnd;

    /// <summary>Whether the call has ended already, so that a handler which still runs is no longer heard.</summary>
    public bool HasEnded
    {
        get
        {
            lock (_gate)
            {
                return _ended || _interrupted;
            }
        }
    }

    /// <summary>
    /// Claims the end for the handler's thread. False: an early end was first; then <see cref="EarlyEndSentAsync"/> must be awaited.
    /// </summary>
    public bool TryEnd()
    {
        StopTimers();
        lock (_gate)
        {
            if (_ended || _interrupted)
            {
                return false;
            }

            _ended = true;
            return true;
        }
    }

    /// <summary>When the early end is done with the HttpContext.</summary>
    public Task EarlyEndSentAsync()
    {
        lock (_gate)
        {
            return _earlyEnd?.Task ?? Task.CompletedTask;
        }
    }

    /// <summary>Writes the status that the handler left. Only after <see cref="TryEnd"/>.</summary>
    public void WriteStatus(Status status) => WriteStatus(status, _responseTrailers);

    private void WriteStatus(Status status, Metadata? trailers)
    {
        // Without a body the status stands in the headers, and the answer is one frame ("trailers-only").
        IHeaderDictionary destination;
        if (_bodyWritten || Http.Response.HasStarted)
        {
            destination = Http.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers;
        }
        else
        {
            PrepareHeaders(null);
            destination = Http.Response.Headers;
        }

        destination.GrpcStatus = StatusHeaders.Text(status.StatusCode);
        if (!string.IsNullOrEmpty(status.Detail))
        {
            destination.GrpcMessage = new StringValues(PercentEncoding.Encode(status.Detail));
        }

        if (trailers is { Count: > 0 })
        {
            ServerMetadata.Append(destination, trailers);
        }
    }

    /// <summary>What an exception from a handler, or from reading the request, means for the client.</summary>
    public Status StatusOf(Exception exception)
    {
        switch (exception)
        {
            case RpcException rpc:
                foreach (var entry in rpc.Trailers)
                {
                    ResponseTrailers.Add(entry);
                }

                _settings.Logger.CallRefused(_settings.Method, rpc.StatusCode, rpc.Status.Detail);
                return rpc.Status;

            // A handler may meet the end of its call by a write that is refused, before its token has been told.
            case OperationCanceledException or IOException when _gone || HasEnded || CancellationToken.IsCancellationRequested || Http.RequestAborted.IsCancellationRequested:
                _settings.Logger.ClientGone(_settings.Method);
                return Status.DefaultCancelled;

            default:
                _settings.Logger.HandlerFailed(_settings.Method, exception);
                return new Status(StatusCode.Unknown, _settings.DetailedErrors
                    ? $"Exception was thrown by handler. {exception.GetType().Name}: {exception.Message}"
                    : "Exception was thrown by handler.");
        }
    }

    private void BeginWrite()
    {
        lock (_gate)
        {
            if (_ended || _interrupted)
            {
                throw new OperationCanceledException("The call has ended, so nothing more can be written.", CancellationToken);
            }

            if (_writing)
            {
                throw new InvalidOperationException("The previous write has not completed. Await it before the next.");
            }

            _writing = true;
        }
    }

    private void EndWrite()
    {
        Status? pending;
        lock (_gate)
        {
            _writing = false;
            pending = _statusAfterWrite;
        }

        if (pending is not null)
        {
            EndEarly(pending.Value, stuckWriteEnds: true);
        }
    }

    /// <summary>Ends the call under its handler. <paramref name="stuckWriteEnds"/>: now, also where a write waits for the client; else after that write.</summary>
    private void EndEarly(Status status, bool stuckWriteEnds)
    {
        bool writing;
        lock (_gate)
        {
            if (_ended || _interrupted)
            {
                return;
            }

            if (_writing && !stuckWriteEnds)
            {
                _statusAfterWrite = status;
                return;
            }

            writing = _writing;
            _interrupted = writing;
            _ended = !writing;
            _earlyEnd = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        _ = EndEarlyAsync(status, writing);
    }

    private async Task EndEarlyAsync(Status status, bool writing)
    {
        try
        {
            if (!writing)
            {
                // Without the handler's trailers: it may be adding to them right now.
                WriteStatus(status, null);
                await Http.Response.CompleteAsync().ConfigureAwait(false);
            }
        }
        catch (Exception unsent) when (unsent is IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            _settings.Logger.EndNotSent(_settings.Method, unsent);
        }
        finally
        {
            // NO_ERROR: the answer is complete, stop sending. CANCEL: the answer is stuck behind data that the client does not take.
            Http.Features.Get<IHttpResetFeature>()?.Reset(writing ? Http2Errors.Cancel : Http2Errors.NoError);
            StopHandler();
            _earlyEnd!.SetResult();
        }
    }

    private void StopHandler()
    {
        try
        {
            _cancellation!.Cancel();
        }
        catch (AggregateException fromCallbacks)
        {
            // The handler registered callbacks on its token and one of them threw. The call has ended all the same, and must let go.
            _settings.Logger.HandlerFailed(_settings.Method, fromCallbacks);
        }
    }
}
