using System.Globalization;
using Grpc.Core;

namespace OrleansFeatures.Client.Connections;

/// <summary>What a failed call means for the next try.</summary>
public static class Refusals
{
    /// <summary>The trailer in which the store says when to come back.</summary>
    private const string RetryAfter = "retry-after-ms";

    /// <summary>When the server says that a retry has a chance; null where it says nothing.</summary>
    public static TimeSpan? RetryAfterOf(RpcException refusal) =>
        refusal.Trailers.GetValue(RetryAfter) is { } text && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;

    /// <summary>The server did not say anything about the request: the connection was lost, or never came to be, or the server is leaving.</summary>
    public static bool IsLost(RpcException refusal) =>
        refusal.StatusCode == StatusCode.Unavailable
        || (refusal.StatusCode is StatusCode.Internal or StatusCode.Unknown or StatusCode.Cancelled && refusal.Status.DebugException is HttpRequestException or IOException);

    /// <summary>Whether the same call may fare better in a moment: it was lost, or refused with a hint. A full disk says RESOURCE_EXHAUSTED as well, but gives no hint.</summary>
    public static bool IsForNow(Exception? failure) =>
        failure is RpcException refusal && (IsLost(refusal) || (refusal.StatusCode == StatusCode.ResourceExhausted && RetryAfterOf(refusal) is not null));
}
