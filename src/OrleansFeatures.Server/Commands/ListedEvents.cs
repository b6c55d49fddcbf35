using System.CommandLine;

namespace OrleansFeatures.Server.Commands;

/// <summary>What the commands that list kept events have in common: which of them, how many, and how much of each a table shows.</summary>
internal sealed class ListedEvents
{
    private const int CharactersShown = 120;

    public Option<string> Stream { get; } = new("--stream") { Description = "Only this stream.", HelpName = "STREAM", DefaultValueFactory = _ => "" };

    public Option<int> Limit { get; } = new("--limit") { Description = "At most this many (1 to 1000).", HelpName = "N", DefaultValueFactory = _ => 20 };

    public static string Shown(string eventJson) => eventJson.Length > CharactersShown ? eventJson[..CharactersShown] + "..." : eventJson;

    public uint LimitOf(ParseResult parsed)
    {
        int limit = parsed.GetValue(Limit);
        return limit is >= 1 and <= Limits.QuarantineRowsMax ? (uint)limit : throw CommandFailure.Usage($"--limit {limit}: expected 1 to {Limits.QuarantineRowsMax}");
    }
}
