using Grpc.Core;

namespace Grpc.Server;

/// <summary>Runs the calls of one method, from the HTTP request to the status. One instance per method, shared by all its calls.</summary>
internal abstract class CallHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, MethodSettings settings)
    where TRequest : class
    where TResponse : class
{
    protected Method<TRequest, TResponse> Method { get; } = method;

    protected abstract bool IsStreaming { get; }

    /// <summary>The endpoint.</summary>
    public Task HandleAsync(HttpContext http) =>
        RequestGate.TryAdmit(http, settings.Logger) ? RunAsync(new ServerCall(http, settings)) : Task.CompletedTask;

    /// <summary>Reads what the shape reads, runs the handler, and returns the only response, or null where responses are a stream.</summary>
    protected abstract Task<TResponse?> InvokeAsync(ServerCall call);

    private async Task RunAsync(ServerCall call)
    {
        Status status;
        TResponse? response = null;
        try
        {
            call.Start(IsStreaming);
            response = await InvokeAsync(call).ConfigureAwait(false);
            status = call.Status;
        }
        catch (Exception exception)
        {
            // The top of the call: whatever happened below becomes a status, and the connection goes on.
            status = call.StatusOf(exception);
        }

        if (!call.TryEnd())
        {
            await call.EarlyEndSentAsync().ConfigureAwait(false);
            return;
        }

        call.WriteStatus(response is null || status.StatusCode != StatusCode.OK ? status : WriteResponse(call, response));
    }

    private Status WriteResponse(ServerCall call, TResponse response)
    {
        try
        {
            call.WriteOnly(response, Method.ResponseMarshaller.ContextualSerializer);
            return Status.DefaultSuccess;
        }
        catch (Exception exception)
        {
            // A message over the limit, or a serializer that failed: nothing of it was written, so a status still can be.
            return call.StatusOf(exception);
        }
    }
}
