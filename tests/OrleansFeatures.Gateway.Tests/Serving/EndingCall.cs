using Grpc.Core;

namespace OrleansFeatures.Gateway.Tests.Serving;

internal static class EndingCall
{
    /// <summary>
    /// Writes a message that makes the server end the call. The end may overtake the write, which then fails; either way the status is read from the
    /// responses, and that is where a test looks.
    /// </summary>
    public static async Task WriteLastAsync<T>(this IClientStreamWriter<T> requests, T message)
    {
        try
        {
            await requests.WriteAsync(message, RunningStore.Cancelled);
        }
        catch (RpcException)
        {
            // The responses carry the call's status; the caller asserts on it.
        }
    }
}
