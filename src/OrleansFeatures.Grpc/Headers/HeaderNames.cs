namespace Grpc.Headers;

/// <summary>Names and fixed values on the wire.</summary>
internal static class HeaderNames
{
    public const string ContentType = "application/grpc";
    public const string Status = "grpc-status";
    public const string Message = "grpc-message";
    public const string Timeout = "grpc-timeout";
    public const string Encoding = "grpc-encoding";
    public const string AcceptEncoding = "grpc-accept-encoding";
    public const string Identity = "identity";

    /// <summary>
    /// Metadata by which an application asks for compression of what it sends, as in the official packages. Never sent itself.
    /// </summary>
    public const string EncodingRequest = "grpc-internal-encoding-request";

    /// <summary>
    /// True for gRPC content types: exactly application/grpc, or with a "+proto" suffix or ";" parameters. application/grpc-web is not one.
    /// </summary>
    public static bool IsGrpcContentType(string? value)
    {
        if (value is null || !value.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        return value.Length == ContentType.Length || value[ContentType.Length] is '+' or ';' or ' ';
    }
}
