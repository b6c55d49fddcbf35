using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Grpc.Server;

/// <summary>
/// Kestrel's per-request limits are made for files that are uploaded and downloaded: a body has a largest size and a least rate. A stream
/// has neither; it may be idle for hours and then go on. Message size is limited by MaxReceiveMessageSize instead.
/// </summary>
internal static class StreamLimits
{
    /// <summary>For every call: a body is as large as its messages are, and those have a limit of their own.</summary>
    public static void LiftBodySize(IFeatureCollection features)
    {
        if (features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bodySize)
        {
            bodySize.MaxRequestBodySize = null;
        }
    }

    /// <summary>For streams. A unary call keeps the least rates: its body is there or on its way.</summary>
    public static void LiftRates(IFeatureCollection features)
    {
        if (features.Get<IHttpMinRequestBodyDataRateFeature>() is { } requestRate)
        {
            requestRate.MinDataRate = null;
        }

        if (features.Get<IHttpMinResponseDataRateFeature>() is { } responseRate)
        {
            responseRate.MinDataRate = null;
        }
    }
}
