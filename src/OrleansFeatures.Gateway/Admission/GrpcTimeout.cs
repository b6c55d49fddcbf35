using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace OrleansFeatures.Gateway.Admission;

/// <summary>How long a gRPC caller waits, as the header says it: one to eight digits and a unit of H M S m u n.</summary>
internal static class GrpcTimeout
{
    /// <summary>Eight digits.</summary>
    private const long DigitsMax = 99_999_999;

    /// <summary>Null where the header is absent or makes no sense: that is the transport's to say.</summary>
    public static long? MicrosOf(StringValues header)
    {
        string? text = header.Count == 1 ? header[0] : null;
        if (text is not { Length: >= 2 and <= 9 } || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out long count))
        {
            return null;
        }

        return text[^1] switch
        {
            'H' => count * 3_600_000_000,
            'M' => count * 60_000_000,
            'S' => count * 1_000_000,
            'm' => count * 1_000,
            'u' => count,
            'n' => count / 1_000,
            _ => null,
        };
    }

    /// <summary>The call has waited so long: whoever reads the header from now on knows what is left. One microsecond where nothing is, because the transport refuses less.</summary>
    public static void Shorten(IHeaderDictionary headers, TimeSpan waited)
    {
        if (MicrosOf(headers.GrpcTimeout) is { } allowed)
        {
            long left = Math.Max(1, allowed - (long)waited.TotalMicroseconds);
            headers.GrpcTimeout = left <= DigitsMax ? string.Create(CultureInfo.InvariantCulture, $"{left}u") : string.Create(CultureInfo.InvariantCulture, $"{Math.Min(left / 1_000, DigitsMax)}m");
        }
    }
}
