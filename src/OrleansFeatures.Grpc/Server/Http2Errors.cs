namespace Grpc.Server;

/// <summary>RST_STREAM codes that this server sends (RFC 9113, section 7).</summary>
internal static class Http2Errors
{
    public const int NoError = 0x0;
    public const int Cancel = 0x8;
}
