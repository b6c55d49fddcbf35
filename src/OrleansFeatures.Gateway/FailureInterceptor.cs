using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Gateway;

/// <summary>Around every gRPC call: whatever a handler throws becomes the status that <see cref="Failures"/> gives it; what is our own doing is logged.</summary>
public sealed class FailureInterceptor(ILogger<FailureInterceptor> logger) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            // Most lookups are done when they come back, and need nobody to wait for them.
            Task<TResponse> answer = continuation(request, context);
            return answer.IsCompletedSuccessfully ? answer : AwaitAsync(answer, context);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            throw Translated(exception, context);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            throw Translated(exception, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            throw Translated(exception, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            throw Translated(exception, context);
        }
    }

    private async Task<TResponse> AwaitAsync<TResponse>(Task<TResponse> answer, ServerCallContext context)
    {
        try
        {
            return await answer.ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            // The top of a call: nothing above could do better than tell the client.
            throw Translated(exception, context);
        }
    }

    private RpcException Translated(Exception exception, ServerCallContext context)
    {
        if (Failures.Of(exception).IsOurs && exception is not RequestRefusedException && !context.CancellationToken.IsCancellationRequested)
        {
            LogMessages.CallFailed(logger, context.Method, exception);
        }

        return Failures.ToRpc(exception);
    }
}
