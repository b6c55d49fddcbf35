using Grpc.Core;
using Microsoft.Extensions.Primitives;

namespace Grpc.Headers;

/// <summary>Metadata between gRPC and ASP.NET's header dictionaries.</summary>
internal static class ServerMetadata
{
    /// <summary>Request headers as a handler sees them: without those that belong to HTTP and to gRPC's own timeout.</summary>
    /// <exception cref="RpcException">INTERNAL: a "-bin" value is no base64.</exception>
    public static Metadata Read(IHeaderDictionary headers)
    {
        var metadata = new Metadata();
        foreach (var (name, values) in headers)
        {
            if (IsTransports(name))
            {
                continue;
            }

            var key = name.ToLowerInvariant();
            foreach (var value in values)
            {
                if (!key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.Ordinal))
                {
                    // HTTP allows more in a value than gRPC does. Such a value is passed over, so that a handler may send back whatever it received.
                    if (Metadata.Entry.IsCarriable(value))
                    {
                        metadata.Add(new Metadata.Entry(key, value ?? "", null));
                    }
                }
                else if (!BinaryValues.TryAdd(metadata, key, value ?? ""))
                {
                    throw new RpcException(new Status(StatusCode.Internal, $"Request header '{key}' is not base64, which a '-bin' header must be."));
                }
            }
        }

        return metadata;
    }

    /// <summary>Appends, so that a key may occur more than once.</summary>
    public static void Append(IHeaderDictionary headers, Metadata metadata)
    {
        foreach (var entry in metadata)
        {
            var value = entry.IsBinary ? BinaryValues.Encode(entry.BinaryValue) : entry.Value;
            headers[entry.Key] = StringValues.Concat(headers[entry.Key], value);
        }
    }

    private static bool IsTransports(string name) =>
        name.StartsWith(':')
        || name.Equals("content-type", StringComparison.OrdinalIgnoreCase)
        || name.Equals("te", StringComparison.OrdinalIgnoreCase)
        || name.Equals("content-length", StringComparison.OrdinalIgnoreCase)
        || name.Equals("host", StringComparison.OrdinalIgnoreCase)
        || name.Equals("accept-encoding", StringComparison.OrdinalIgnoreCase)
        || name.Equals(HeaderNames.Timeout, StringComparison.OrdinalIgnoreCase);
}
