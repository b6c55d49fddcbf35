using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Framing;
using Grpc.Headers;

namespace Grpc.Server;

/// <summary>The response: headers, messages. A write happens between BeginWrite and EndWrite, so that an early end never cuts into one.</summary>
internal sealed partial class ServerCall
{
    private static readonly Status Stalled = new(StatusCode.Cancelled, "The client did not read the response.");

    private bool _headersPrepared;
    private bool _bodyWritten;

    /// <summary>The only message of a unary or client-streaming call. It is not flushed: headers, message and trailers leave together.</summary>
    public void WriteOnly<T>(T message, Action<T, SerializationContext> serializer)
    {
        PrepareHeaders(null);
        MessageWriter.Write(Http.Response.BodyWriter, message, serializer, FrameSettingsFor(_writeOptions));
        _bodyWritten = true;
    }

    /// <summary>One message of a response stream. Completes when HTTP/2 has taken it over, which is where a slow reader slows the handler.</summary>
    public Task WriteAsync<T>(T message, Action<T, SerializationContext> serializer, WriteOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        cancellationToken.ThrowIfCancellationRequested();
        BeginWrite();
        try
        {
            PrepareHeaders(null);
            var pipe = Http.Response.BodyWriter;
            MessageWriter.Write(pipe, message, serializer, FrameSettingsFor(options));
            _bodyWritten = true;
            if (((options?.Flags ?? 0) & WriteFlags.BufferHint) != 0 && pipe.UnflushedBytes < Limits.BufferedStreamBytes)
            {
                EndWrite();
                return Task.CompletedTask;
            }

            var flush = pipe.FlushAsync(CancellationToken.None);
            if (!flush.IsCompletedSuccessfully)
            {
                return FlushedAsync(flush, cancellationToken);
            }

            EndWrite();
            ThrowIfGone(flush.Result);
            return Task.CompletedTask;
        }
        catch
        {
            // Rethrown: a serializer may throw anything, and the writer must be usable for the status that follows.
            EndWrite();
            throw;
        }
    }

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        ArgumentNullException.ThrowIfNull(responseHeaders);
        if (_headersPrepared)
        {
            throw new InvalidOperationException("Response headers were already sent. Send them once, before the first message.");
        }

        BeginWrite();
        PrepareHeaders(responseHeaders);
        return FlushedAsync(FlushHeadersAsync(), CancellationToken.None);

        async ValueTask<FlushResult> FlushHeadersAsync()
        {
            await Http.Response.StartAsync(CancellationToken.None).ConfigureAwait(false);
            return await Http.Response.BodyWriter.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task FlushedAsync(ValueTask<FlushResult> flush, CancellationToken cancellationToken)
    {
        try
        {
            FlushResult result;
            using (ITimer stall = _settings.Time.CreateTimer(static call => ((ServerCall)call!).EndStalled(), this, Limits.ResponseStallMax, Timeout.InfiniteTimeSpan))
            using (cancellationToken.UnsafeRegister(static call => ((ServerCall)call!).CancelFlush(), this))
            {
                result = await flush.ConfigureAwait(false);
            }

            cancellationToken.ThrowIfCancellationRequested();
            ThrowIfGone(result);
        }
        finally
        {
            EndWrite();
        }
    }

    /// <summary>The client has not read for so long that it never will: the stream is reset, and what it holds is let go.</summary>
    private void EndStalled()
    {
        _settings.Logger.ClientStalled(_settings.Method, Limits.ResponseStallMax);
        EndEarly(Stalled, stuckWriteEnds: true);
    }

    private void CancelFlush()
    {
        try
        {
            Http.Response.BodyWriter.CancelPendingFlush();
        }
        catch (Exception broken) when (broken is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Kestrel refuses to cancel flushes of a stream that the client has reset. No flush waits on such a stream.
        }
    }

    private void ThrowIfGone(FlushResult result)
    {
        if (result.IsCompleted || result.IsCanceled)
        {
            throw Gone(null);
        }
    }

    private void PrepareHeaders(Metadata? custom)
    {
        if (_headersPrepared)
        {
            return;
        }

        _headersPrepared = true;
        var headers = Http.Response.Headers;
        headers.ContentType = HeaderNames.ContentType;
        _responseCompression = _settings.ResponseCompression;
        if (custom is not null)
        {
            if (custom.GetValue(HeaderNames.EncodingRequest) is { } asked)
            {
                _responseCompression = _settings.Encodings.Find(asked);
            }

            ServerMetadata.Append(headers, custom);
            headers.Remove(HeaderNames.EncodingRequest);
        }

        if (_responseCompression is not null)
        {
            _responseCompression = ClientAccepts(_responseCompression.EncodingName) ? _responseCompression : null;
            if (_responseCompression is not null)
            {
                headers.GrpcEncoding = _responseCompression.EncodingName;
            }
        }
    }

    private bool ClientAccepts(string encoding)
    {
        foreach (var part in Http.Request.Headers.GrpcAcceptEncoding.ToString().AsSpan().Split(','))
        {
            if (Http.Request.Headers.GrpcAcceptEncoding.ToString().AsSpan(part).Trim().Equals(encoding, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private FrameSettings FrameSettingsFor(WriteOptions? options) => new(
        _settings.MaxSendBytes,
        ((options?.Flags ?? 0) & WriteFlags.NoCompress) != 0 ? null : _responseCompression,
        _settings.CompressionLevel);
}
