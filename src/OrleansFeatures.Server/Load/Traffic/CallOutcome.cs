using System.Globalization;
using System.Text;
using System.Text.Json;
using Grpc.Core;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>How a call ended, as a load run counts it: by the same names over gRPC and REST, wherever the store says one.</summary>
internal static class CallOutcome
{
    public const string Cancelled = "CANCELLED";

    /// <summary>The store could not be reached, or the connection was lost.</summary>
    public const string Unavailable = "UNAVAILABLE";

    private static readonly Dictionary<StatusCode, string> Names = Enum.GetValues<StatusCode>().ToDictionary(code => code, NameOf);

    public static LoadOutcome Of(RpcException exception) => new(Names[exception.StatusCode], exception.Status.Detail);

    /// <summary>What the problem's body says; the HTTP status where it is not the store that answered.</summary>
    public static LoadOutcome Of(HttpResponseMessage refused, byte[] body)
    {
        string code = string.Create(CultureInfo.InvariantCulture, $"HTTP_{(int)refused.StatusCode}");
        try
        {
            using JsonDocument problem = JsonDocument.Parse(body);
            return new LoadOutcome(TextOf(problem.RootElement, "code") ?? code, TextOf(problem.RootElement, "detail") ?? "");
        }
        catch (JsonException)
        {
            return new LoadOutcome(code, refused.ReasonPhrase ?? "");
        }
    }

    /// <summary>The store has answered, and did not take what was sent.</summary>
    public static LoadOutcome NotAccepted(string detail) => new("NOT_ACCEPTED", detail);

    private static string? TextOf(JsonElement problem, string property) =>
        problem.ValueKind == JsonValueKind.Object && problem.TryGetProperty(property, out JsonElement text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

    /// <summary>As gRPC spells it: RESOURCE_EXHAUSTED, not ResourceExhausted.</summary>
    private static string NameOf(StatusCode code)
    {
        var name = new StringBuilder();
        foreach (char letter in code.ToString())
        {
            if (char.IsUpper(letter) && name.Length > 0 && code != StatusCode.OK)
            {
                name.Append('_');
            }

            name.Append(char.ToUpperInvariant(letter));
        }

        return name.ToString();
    }
}
