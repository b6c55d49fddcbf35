using System.Globalization;
using Grpc.Core;

namespace Grpc.Headers;

/// <summary>Status codes as header text and back, and what stands in for them where a peer is not gRPC.</summary>
internal static class StatusHeaders
{
    // A unary call writes one of these; formatting the number anew each time would allocate.
    private static readonly string[] CodeTexts = [.. Enumerable.Range(0, 17).Select(code => code.ToString(CultureInfo.InvariantCulture))];

    public static string Text(StatusCode code) => (uint)code < (uint)CodeTexts.Length ? CodeTexts[(int)code] : ((int)code).ToString(CultureInfo.InvariantCulture);

    /// <summary>A status from its two headers. Text that is no number is UNKNOWN, as is a number that gRPC has not assigned.</summary>
    public static Status Parse(string code, string? message)
    {
        var detail = message is null ? "" : PercentEncoding.Decode(message);
        return int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new Status(number < CodeTexts.Length ? (StatusCode)number : StatusCode.Unknown, detail)
            : new Status(StatusCode.Unknown, $"The server sent the unreadable grpc-status '{code}'. {detail}".TrimEnd());
    }

    /// <summary>For answers without grpc-status, usually from a proxy (http-grpc-status-mapping).</summary>
    public static StatusCode FromHttpStatus(int httpStatus) => httpStatus switch
    {
        400 => StatusCode.Internal,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.Unimplemented,
        429 or 502 or 503 or 504 => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    /// <summary>For streams that ended by RST_STREAM (PROTOCOL-HTTP2, "Errors").</summary>
    public static StatusCode FromHttp2Error(long errorCode) => errorCode switch
    {
        0x7 => StatusCode.Unavailable,
        0x8 => StatusCode.Cancelled,
        0xB => StatusCode.ResourceExhausted,
        0xC => StatusCode.PermissionDenied,
        _ => StatusCode.Internal,
    };
}
