using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>inspect</c>: what one entity costs, part by part, and since when it is exact.</summary>
internal static class InspectCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Entity = CommandOptions.Required("--entity", "type=key", "The entity type and its key. Composite keys: type=a,b.");

    public static Command Create() => CommandOptions.Command(
        "inspect",
        "Show what one entity holds in memory, by part, and since when its values are exact.",
        ["inspect --entity customer=596", "inspect --entity customer=596 --output json"],
        [Server, Entity],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string given = parsed.GetValue(Entity)!;
        KeySchema.RequireForm([given]);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        GetEntityRequest request = await RequestAsync(connection, given, cancellationToken).ConfigureAwait(false);
        GetEntityResponse answer = await connection.CallAsync(options => connection.Admin.GetEntityAsync(request, options), cancellationToken).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(Document(request, answer));
        }
        else if (answer.Found)
        {
            Print(terminal, given, answer);
        }
        else
        {
            terminal.Write($"{given}: no event of it has come");
        }

        return answer.Found ? ExitCode.Ok : ExitCode.Refused;
    }

    /// <summary>Commas separate the fields of a key only where it has several.</summary>
    private static async Task<GetEntityRequest> RequestAsync(ServerConnection connection, string given, CancellationToken cancellationToken)
    {
        int equals = given.IndexOf('=', StringComparison.Ordinal);
        (string type, string key) = (given[..equals], given[(equals + 1)..]);
        Definition entity = await connection.DefinitionAsync("entity", type, cancellationToken).ConfigureAwait(false);
        var request = new GetEntityRequest { Entity = type };
        request.Key.AddRange(entity.Entity.Key.Count switch
        {
            0 => [],
            1 => [key],
            _ => key.Split(','),
        });
        return request;
    }

    private static void Print(Terminal terminal, string given, GetEntityResponse answer)
    {
        Table parts = Terminal.NewTable("part", "bytes", "per event");
        ulong events = Math.Max(1, answer.Events + answer.SummedEvents);
        foreach ((string part, ulong bytes) in Parts(answer))
        {
            parts.AddRow(Terminal.Cell(part), Count(bytes), Terminal.Cell((bytes / (double)events).ToString("0.0", CultureInfo.InvariantCulture)));
        }

        terminal.Write($"{given}, partition {answer.Partition}: {Number(answer.Events)} events held, {Number(answer.SummedEvents)} summed up");
        terminal.Write(parts);
        terminal.Write(answer.ExactSinceMicros == long.MinValue ? "every event is held as itself" : $"events up to {new EventTime(answer.ExactSinceMicros)} are no longer held as themselves");
        if (answer.BudgetBytes > 0)
        {
            terminal.Write($"the oldest are summed up when rows take more than {ByteSize.Text(answer.BudgetBytes)}");
        }
    }

    private static JsonObject Document(GetEntityRequest request, GetEntityResponse answer)
    {
        var bytes = new JsonObject();
        foreach ((string part, ulong value) in Parts(answer))
        {
            bytes[part] = value;
        }

        return new JsonObject
        {
            ["entity"] = request.Entity,
            ["key"] = new JsonArray(request.Key.Select(JsonNode? (field) => field).ToArray()),
            ["found"] = answer.Found,
            ["partition"] = answer.Partition,
            ["events"] = answer.Events,
            ["summed_events"] = answer.SummedEvents,
            ["bytes"] = bytes,
            ["budget_bytes"] = answer.BudgetBytes,
            ["exact_since"] = answer.ExactSinceMicros == long.MinValue ? null : new EventTime(answer.ExactSinceMicros).ToString(),
        };
    }

    private static (string Part, ulong Bytes)[] Parts(GetEntityResponse answer) =>
    [
        ("rows", answer.RowBytes), ("texts", answer.TextBytes), ("summaries", answer.SummaryBytes),
        ("directory", answer.DirectoryBytes), ("overhead", answer.OverheadBytes), ("total", answer.TotalBytes),
    ];

    private static Text Count(ulong number) => Terminal.Cell(Number(number));

    private static string Number(ulong number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
