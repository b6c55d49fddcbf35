using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>late</c>: the events that came too late for a view or for every live value, newest first.</summary>
internal static class LateCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly ListedEvents Listed = new();

    public static Command Create() => CommandOptions.Command(
        "late",
        "List events that came too late: for the views named, or for every live value. They are in history all the same, and training rows see them where no view refused them.",
        ["late --stream transactions", "late --limit 1000 --output json"],
        [Server, Listed.Stream, Listed.Limit],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        uint limit = Listed.LimitOf(parsed);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        var request = new ListLateRequest { Stream = parsed.GetValue(Listed.Stream)!, Limit = limit };
        ListLateResponse answer = await connection.CallAsync(options => connection.Admin.ListLateAsync(request, options), cancellationToken).ConfigureAwait(false);
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

    private static void Print(Terminal terminal, ListLateResponse answer)
    {
        Table table = Terminal.NewTable("id", "stream", "event time", "arrived", "late by", "not taken by", "event");
        foreach (LateEvent late in answer.Events)
        {
            string views = late.Views.Count == 0
                ? "(older than every window)"
                : string.Join(", ", late.Views.Select(view => $"{view.View} (allows {new Duration(view.AllowedLatenessMicros)})"));
            table.AddRow(
                Terminal.Cell(late.Id.ToString(CultureInfo.InvariantCulture)), Terminal.Cell(late.Stream), Terminal.Cell(new EventTime(late.EventTimeMicros).ToString()),
                Terminal.Cell(new EventTime(late.ArrivedMicros).ToString()), Terminal.Cell(LateBy(late)), Terminal.Cell(views), Terminal.Cell(ListedEvents.Shown(late.EventJson)));
        }

        terminal.Write(table);
        terminal.Write($"{answer.Events.Count} of {answer.Total.ToString("N0", CultureInfo.InvariantCulture)}");
    }

    private static string LateBy(LateEvent late) => new Duration(Math.Max(0, late.StreamTimeMicros - late.EventTimeMicros)).ToString();

    private static JsonObject Document(ListLateResponse answer) => new()
    {
        ["total"] = answer.Total,
        ["events"] = new JsonArray(answer.Events.Select(JsonNode (late) => new JsonObject
        {
            ["id"] = late.Id,
            ["stream"] = late.Stream,
            ["event_time"] = new EventTime(late.EventTimeMicros).ToString(),
            ["arrived"] = new EventTime(late.ArrivedMicros).ToString(),
            ["stream_time"] = new EventTime(late.StreamTimeMicros).ToString(),
            ["late_by"] = LateBy(late),
            ["views"] = new JsonArray(late.Views.Select(JsonNode (view) => new JsonObject
            {
                ["view"] = view.View,
                ["allowed_lateness"] = new Duration(view.AllowedLatenessMicros).ToString(),
            }).ToArray()),
            ["event"] = late.EventJson,
        }).ToArray()),
    };
}
