using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>quarantine</c>: the events that were refused, newest first, with what would make them acceptable.</summary>
internal static class QuarantineCommand
{
    private const int EventTextShown = 120;

    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Stream = new("--stream") { Description = "Only this stream.", HelpName = "STREAM", DefaultValueFactory = _ => "" };
    private static readonly Option<int> Limit = new("--limit") { Description = "At most this many (1 to 1000).", HelpName = "N", DefaultValueFactory = _ => 20 };

    public static Command Create() => CommandOptions.Command(
        "quarantine",
        "List refused events with the reason and the fix, newest first.",
        ["quarantine --stream transactions", "quarantine --limit 1000 --output json"],
        [Server, Stream, Limit],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        int limit = parsed.GetValue(Limit);
        if (limit is < 1 or > Limits.QuarantineRowsMax)
        {
            throw CommandFailure.Usage($"--limit {limit}: expected 1 to {Limits.QuarantineRowsMax}");
        }

        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        var request = new ListQuarantineRequest { Stream = parsed.GetValue(Stream)!, Limit = (uint)limit };
        ListQuarantineResponse answer = await connection.CallAsync(options => connection.Admin.ListQuarantineAsync(request, options), cancellationToken).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(Document(answer));
        }
        else
        {
            Print(terminal, answer);
        }

        return ExitCode.Ok;
    }

    private static void Print(Terminal terminal, ListQuarantineResponse answer)
    {
        Table table = Terminal.NewTable("id", "stream", "arrived", "field", "reason", "fix", "event");
        foreach (QuarantinedEvent refused in answer.Events)
        {
            string text = refused.EventJson.Length > EventTextShown ? refused.EventJson[..EventTextShown] + "..." : refused.EventJson;
            table.AddRow(
                Terminal.Cell(refused.Id.ToString(CultureInfo.InvariantCulture)), Terminal.Cell(refused.Stream), Terminal.Cell(new EventTime(refused.ArrivedMicros).ToString()),
                Terminal.Cell(refused.Field), Terminal.Cell(refused.Reason), Terminal.Cell(refused.Fix), Terminal.Cell(text));
        }

        terminal.Write(table);
        terminal.Write($"{answer.Events.Count} of {answer.Total.ToString("N0", CultureInfo.InvariantCulture)}");
    }

    private static JsonObject Document(ListQuarantineResponse answer) => new()
    {
        ["total"] = answer.Total,
        ["events"] = new JsonArray(answer.Events.Select(JsonNode (refused) => new JsonObject
        {
            ["id"] = refused.Id,
            ["stream"] = refused.Stream,
            ["arrived"] = new EventTime(refused.ArrivedMicros).ToString(),
            ["field"] = refused.Field,
            ["reason"] = refused.Reason,
            ["fix"] = refused.Fix,
            ["event"] = refused.EventJson,
        }).ToArray()),
    };
}
