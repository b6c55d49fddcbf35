using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Headers;
using Grpc.Tests.Kit;

namespace Grpc.Tests.Wire;

/// <summary>HTTP/2 requests byte by byte, by an HttpClient that knows nothing of gRPC.</summary>
internal static class Raw
{
    private static readonly HttpClient Client = new(new SocketsHttpHandler { UseProxy = false });

    public static async Task<Answer> PostAsync(
        TestServer server, string path, byte[] body, string? contentType = "application/grpc", string? te = "trailers", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.TryAddWithoutValidation("content-type", contentType);
        if (te is not null)
        {
            request.Headers.TryAddWithoutValidation("te", te);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await Wait.For(Client.SendAsync(request, Wait.Token));
        return new Answer(
            response.StatusCode,
            response.Content.Headers.ContentType?.ToString(),
            ToDictionary(response.Headers),
            await response.Content.ReadAsByteArrayAsync(Wait.Token),
            ToDictionary(response.TrailingHeaders));
    }

    private static Dictionary<string, string> ToDictionary(HttpResponseHeaders headers) =>
        headers.NonValidated.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString());

    internal sealed record Answer(HttpStatusCode Http, string? ContentType, Dictionary<string, string> Headers, byte[] Body, Dictionary<string, string> Trailers)
    {
        public StatusCode Status => (StatusCode)int.Parse(Trailers.GetValueOrDefault("grpc-status") ?? Headers["grpc-status"], System.Globalization.CultureInfo.InvariantCulture);

        public string Message => PercentEncoding.Decode(Trailers.GetValueOrDefault("grpc-message") ?? Headers.GetValueOrDefault("grpc-message") ?? "");
    }
}
