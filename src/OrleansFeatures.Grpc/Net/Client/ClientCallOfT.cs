using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Framing;
using Grpc.Headers;

namespace Grpc.Net.Client;

/// <summary>One call on the client, of any of the four shapes.</summary>
internal sealed class ClientCall<TRequest, TResponse> : ClientCall
    where TRequest : class
    where TResponse : class
{
    private static readonly Status ReadCancelled = new(StatusCode.Cancelled, "A read of the response stream was cancelled by its token.");
    private static readonly StreamPipeReaderOptions ReadOptions = new(bufferSize: Limits.ClientReadBytes);

    private readonly GrpcChannel _channel;
    private readonly Method<TRequest, TResponse> _method;
    private readonly string? _host;
    private readonly CallOptions _options;
    private RequestStreamContent? _requestStream;
    private RequestMessageContent<TRequest>? _requestMessage;
    private Task<MessageReader>? _opening;
    private HttpResponseMessage? _response;

    public ClientCall(GrpcChannel channel, Method<TRequest, TResponse> method, string? host, CallOptions options)
        : base(channel, options)
    {
        (_channel, _method, _host, _options) = (channel, method, host, options);
        RequestFrames = RequestHeaders.FramesFor(channel, options);
        Responses = new ResponseReader<TRequest, TResponse>(this);
    }

    public Marshaller<TResponse> ResponseMarshaller => _method.ResponseMarshaller;

    public Marshaller<TRequest> RequestMarshaller => _method.RequestMarshaller;

    public FrameSettings RequestFrames { get; }

    public WriteOptions? WriteOptions => _options.WriteOptions;

    public ResponseReader<TRequest, TResponse> Responses { get; }

    public Task<TResponse> UnaryAsync(TRequest request) => OnlyResponseAsync(request, null);

    public Task<TResponse> ClientStreamingAsync(out IClientStreamWriter<TRequest> requests)
    {
        _requestStream = new RequestStreamContent();
        requests = new RequestWriter<TRequest, TResponse>(this, _requestStream);
        return OnlyResponseAsync(null, _requestStream);
    }

    public void StartServerStreaming(TRequest request) => _opening = OpenAsync(request, null);

    public void StartDuplex(out IClientStreamWriter<TRequest> requests)
    {
        _requestStream = new RequestStreamContent();
        requests = new RequestWriter<TRequest, TResponse>(this, _requestStream);
        _opening = OpenAsync(null, _requestStream);
    }

    /// <summary>The next response, or null at the end; then the status was OK.</summary>
    public async Task<TResponse?> ReadAsync(CancellationToken cancellationToken)
    {
        // The token of one read cancels the call: what HTTP/2 had half delivered could not be resumed.
        using var byRead = cancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Cancel(ReadCancelled), this);
        try
        {
            var reader = await _opening!.ConfigureAwait(false);
            var message = await reader.ReadAsync(_method.ResponseMarshaller.ContextualDeserializer, Token).ConfigureAwait(false);
            if (message is null)
            {
                FinishFromTrailers();
            }

            return message;
        }
        catch (Exception exception) when (exception is not RpcException || StatusIfFinished is null)
        {
            // Any exception: whatever the handler stack throws ends this call, with the status it stands for.
            throw Fail(exception);
        }
    }

    /// <summary>Frame settings for a message with these options.</summary>
    public FrameSettings FrameOf(WriteOptions? options) =>
        ((options?.Flags ?? 0) & WriteFlags.NoCompress) != 0 ? RequestFrames with { Compression = null } : RequestFrames;

    protected override void OnFinished()
    {
        _requestStream?.End();
        _requestMessage?.Release();
    }

    private async Task<TResponse> OnlyResponseAsync(TRequest? request, RequestStreamContent? requests)
    {
        try
        {
            var reader = await OpenCoreAsync(request, requests).ConfigureAwait(false);
            TResponse? message = null;
            RpcException? unreadable = null;
            try
            {
                message = await reader.ReadOnlyAsync(_method.ResponseMarshaller.ContextualDeserializer, Token).ConfigureAwait(false);
            }
            catch (RpcException exception) when (exception.StatusCode == StatusCode.Unimplemented && reader.IsAtEnd)
            {
                // No message at all is right when the trailers carry an error; they decide.
                unreadable = exception;
            }

            var (status, trailers) = ResponseHeaders.StatusFromTrailers(_response!);
            Finish(status.StatusCode == StatusCode.OK && unreadable is not null ? unreadable.Status : status, trailers);
            return StatusIfFinished?.StatusCode == StatusCode.OK ? message! : throw Failure();
        }
        catch (Exception exception) when (exception is not RpcException || StatusIfFinished is null)
        {
            // Any exception: whatever the handler stack throws ends this call, with the status it stands for.
            throw Fail(exception);
        }
    }

    private async Task<MessageReader> OpenAsync(TRequest? request, RequestStreamContent? requests)
    {
        try
        {
            return await OpenCoreAsync(request, requests).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not RpcException || StatusIfFinished is null)
        {
            // Any exception: whatever the handler stack throws ends this call, with the status it stands for.
            throw Fail(exception);
        }
    }

    /// <summary>Sends the request's headers and content, and waits for the response's headers.</summary>
    private async Task<MessageReader> OpenCoreAsync(TRequest? request, RequestStreamContent? requests)
    {
        HttpContent content = requests as HttpContent ?? (_requestMessage = new RequestMessageContent<TRequest>(request!, _method.RequestMarshaller, FrameOf(_options.WriteOptions)));
        var message = RequestHeaders.Create(_channel, _method.FullName, _host, _options.Headers, Deadline, RequestFrames, content);
        HttpResponseMessage response = await _channel.SendAsync(message, Token).ConfigureAwait(false);
        _response = response;
        Adopt(response, ResponseHeaders.Read(response));
        var compression = ResponseHeaders.Check(response, _channel.Encodings);
        Stream body = await response.Content.ReadAsStreamAsync(Token).ConfigureAwait(false);
        return new MessageReader(PipeReader.Create(body, ReadOptions), new MessageReaderSettings(_channel.MaxReceiveBytes, compression));
    }

    /// <summary>The response stream is at its end, so the trailers are here.</summary>
    private void FinishFromTrailers()
    {
        var (status, trailers) = ResponseHeaders.StatusFromTrailers(_response!);
        Finish(status, trailers);
        if (StatusIfFinished?.StatusCode != StatusCode.OK)
        {
            throw Failure();
        }
    }
}
