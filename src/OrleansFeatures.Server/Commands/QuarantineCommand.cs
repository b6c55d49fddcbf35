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
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly ListedEvents Listed = new();

    public static Command Create() => CommandOptions.Command(
        "quarantine",
        "List refused events with the reason and the fix, newest first.",
        ["quarantine --stream transactions", "quarantine --limit 1000 --output json"],
        [Server, Listed.Stream, Listed.Limit],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        uint limit = Listed.LimitOf(parsed);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        var request = new ListQuarantineRequest { Stream = parsed.GetValue(Listed.Stream)!, Limit = limit };
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
            table.AddRow(
                Terminal.Cell(refused.Id.ToString(CultureInfo.InvariantCulture)), Terminal.Cell(refused.Stream), Terminal.Cell(new EventTime(refused.ArrivedMicros).ToString()),
                Terminal.Cell(refused.Field), Terminal.Cell(refused.Reason), Terminal.Cell(refused.Fix), Terminal.Cell(ListedEvents.Shown(refused.EventJson)));
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
