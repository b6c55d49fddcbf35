using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Which forms bodies take: of answers, as the client accepts them, and of requests, as they can be read.</summary>
internal static class MediaTypes
{
    public const string Json = "application/json";

    /// <summary>One JSON object per line.</summary>
    public const string Lines = "application/x-ndjson";

    public const string Problem = "application/problem+json";

    /// <summary>
    /// What is read as JSON. Clients that name nothing send JSON as what their library makes of a text: curl a form, .NET and browsers plain text.
    /// </summary>
    private static readonly string[] Readable = [Json, Lines, "application/jsonl", "text/json", "text/plain", "application/x-www-form-urlencoded"];

    /// <summary>The best of these forms for the client; the first where it does not say.</summary>
    /// <exception cref="RequestRefusedException">It accepts none of them.</exception>
    public static string Choose(HttpRequest request, params string[] offered)
    {
        IList<MediaTypeHeaderValue> accepted = request.GetTypedHeaders().Accept;
        if (accepted.Count == 0)
        {
            return offered[0];
        }

        string? best = offered.Where(form => QualityOf(form, accepted) > 0).MaxBy(form => QualityOf(form, accepted));
        return best ?? throw Refuse.NotAcceptable($"'{request.Headers.Accept}' leaves no form of this answer", $"accept {string.Join(" or ", offered)}, or send no Accept");
    }

    /// <exception cref="RequestRefusedException">The body is declared to be something that is not read here.</exception>
    public static void RequireReadable(HttpRequest request)
    {
        if (request.Headers.ContentEncoding is { Count: > 0 } encoding && !StringValuesEqual(encoding.ToString(), "identity"))
        {
            throw Refuse.Unreadable("Content-Encoding", $"a body in '{encoding}' is not read", "send it as it is, without an encoding");
        }

        if (string.IsNullOrEmpty(request.ContentType))
        {
            return;
        }

        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) || !IsReadable(type))
        {
            throw Refuse.Unreadable("Content-Type", $"a body of '{request.ContentType}' is not read", $"send JSON as {Json}, or several events as {Lines}");
        }

        if (type.Charset.HasValue && !StringValuesEqual(type.Charset.Value.Trim('"'), "utf-8"))
        {
            throw Refuse.Unreadable("Content-Type", $"text in '{type.Charset}' is not read", "send UTF-8");
        }
    }

    private static bool IsReadable(MediaTypeHeaderValue type) =>
        Readable.Any(readable => type.MediaType.Equals(readable, StringComparison.OrdinalIgnoreCase)) || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase);

    /// <summary>The quality of the most specific range that the form is in; zero where it is in none.</summary>
    private static double QualityOf(string form, IEnumerable<MediaTypeHeaderValue> accepted)
    {
        MediaTypeHeaderValue offered = new(form);
        MediaTypeHeaderValue? range = accepted.Where(offered.IsSubsetOf).MaxBy(range => range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2);
        return range is null ? 0 : range.Quality ?? 1;
    }

    private static bool StringValuesEqual(string left, string right) => string.Equals(left, right, StringComparison.OrdinalIgnoreCase);
}
