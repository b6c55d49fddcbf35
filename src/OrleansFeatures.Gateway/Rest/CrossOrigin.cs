using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>
/// Pages of which origins may talk to REST from a browser: none, unless the server was started so. Others are not only unable to read answers, which the browser sees to; a page could still
/// send events to a server on its visitor's machine, blindly, because a plain POST asks nobody. So whatever names a foreign origin may not change anything.
/// </summary>
/// <param name="origins">As browsers send them: <c>https://console.example.com</c>, <c>http://localhost:3000</c>; <c>*</c> is every page.</param>
public sealed class CrossOrigin(IReadOnlyCollection<string> origins)
{
    public static readonly CrossOrigin None = new([]);

    /// <summary>How long a browser may remember what it was told: an hour, so that a server that trusts fewer pages tomorrow is believed.</summary>
    private const string RememberSeconds = "3600";

    private readonly bool _everyone = origins.Contains("*");
    private readonly HashSet<string> _origins = new(origins, StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether this is an origin: a scheme, a host, a port where it is not the scheme's own, and nothing else; or <c>*</c>.</summary>
    public static bool IsOrigin(string text) =>
        text == "*" || (Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && text == uri.GetLeftPart(UriPartial.Authority));

    /// <summary>Tells the browser what the page may do, and answers for the server where the browser only asks. True: the request goes on.</summary>
    /// <exception cref="RequestRefusedException">A page of another origin would change something.</exception>
    internal bool Admit(HttpContext context)
    {
        HttpRequest request = context.Request;
        string origin = request.Headers.Origin.ToString();
        if (origin.Length == 0)
        {
            return true;
        }

        bool isTrusted = _everyone || _origins.Contains(origin);
        context.Response.Headers.Append(HeaderNames.Vary, HeaderNames.Origin);
        if (isTrusted)
        {
            context.Response.Headers.AccessControlAllowOrigin = _everyone ? "*" : origin;
            context.Response.Headers.AccessControlExposeHeaders = "ETag, Retry-After";
        }

        if (isTrusted && HttpMethods.IsOptions(request.Method) && request.Headers.AccessControlRequestMethod.Count > 0)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            context.Response.Headers.AccessControlAllowMethods = "GET, POST";
            context.Response.Headers.AccessControlAllowHeaders = "Content-Type, If-None-Match, orleansfeatures-client";
            context.Response.Headers.AccessControlMaxAge = RememberSeconds;
            return false;
        }

        bool isOwn = string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
        return isTrusted || isOwn || HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)
            ? true
            : throw Refuse.Forbidden("Origin", $"pages of '{origin}' may not use this server", $"start it with --cors-origin {origin} if they shall");
    }
}
