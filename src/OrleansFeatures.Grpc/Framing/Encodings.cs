using System.IO.Compression;
using Grpc.Headers;
using Grpc.Net.Compression;

namespace Grpc.Framing;

/// <summary>The encodings that one side knows, by name, and how it announces them.</summary>
internal sealed class Encodings
{
    private readonly ICompressionProvider[] _providers;

    public Encodings(IEnumerable<ICompressionProvider>? providers)
    {
        _providers = providers?.ToArray() ?? [];
        if (_providers.Length == 0)
        {
            _providers = [new GzipCompressionProvider(CompressionLevel.Fastest), new DeflateCompressionProvider(CompressionLevel.Fastest)];
        }

        AcceptHeader = string.Join(',', _providers.Select(provider => provider.EncodingName).Prepend(HeaderNames.Identity));
    }

    /// <summary>The value of grpc-accept-encoding.</summary>
    public string AcceptHeader { get; }

    /// <summary>Null: this side does not know the encoding.</summary>
    public ICompressionProvider? Find(string name)
    {
        foreach (var provider in _providers)
        {
            if (string.Equals(provider.EncodingName, name, StringComparison.OrdinalIgnoreCase))
            {
                return provider;
            }
        }

        return null;
    }
}
