using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Server.Files;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>push</c>: a file of events into a stream.</summary>
internal static class PushCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Stream = CommandOptions.Required("--stream", "STREAM", "The stream that the events belong to.");
    private static readonly Option<string> File = CommandOptions.Required("--file", "FILE", "csv or JSON lines, plain or gzip; - is standard input.");
    private static readonly Option<string[]> Map = CommandOptions.Map("'field=' leaves a field null that the file does not have. op, arrival_time and producer may be mapped too (@op and so on, where the stream has a field of that name).");
    private static readonly Option<string> Op = NewOperation();

    private static readonly Option<string?> Producer = new("--producer-field")
    {
        Description = "Column that names the source of each event. Stream time is the minimum over sources.",
        HelpName = "COLUMN",
    };

    private static readonly Option<string?> Format = NewFormat();

    private static readonly Option<int> Batch = new("--batch")
    {
        Description = "Events per message, which is sent at 256 KB at the latest.",
        HelpName = "N",
        DefaultValueFactory = _ => Limits.BatchEvents,
    };

    private static readonly Option<int> Retry = new("--retry")
    {
        Description = "Seconds to try to get a lost connection back; unacknowledged events are sent again. 0 gives up at once.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => Limits.DefaultRetrySeconds,
    };

    public static Command Create() => CommandOptions.Command(
        "push",
        "Push events from a file. Every event is on disk when it is counted; pushing a file twice changes nothing.",
        [
            "push --stream transactions --file events.csv.gz --map tx_id=event_id --map tx_time=event_time",
            "push --stream transactions --file - --format jsonl < events.jsonl",
            "push --stream transactions --file events.csv --output json",
            "push --stream transactions --file corrections.csv --op upsert",
            "push --stream transactions --file history.csv --map arrival_time=received_at --map producer=source",
        ],
        [Server, Stream, File, Map, Op, Producer, Format, Batch, Retry],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        int batch = parsed.GetValue(Batch);
        if (batch is < 1 or > Limits.BatchEventsMax)
        {
            throw CommandFailure.Usage($"--batch {batch}: expected 1 to {Limits.BatchEventsMax}");
        }

        ColumnMap map = ColumnMap.Parse(parsed.GetValue(Map)!);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        using InputFile input = InputFile.Open(parsed.GetValue(File)!, RowFormatOf(parsed.GetValue(Format)));
        Definition stream = await connection.DefinitionAsync("stream", parsed.GetValue(Stream)!, cancellationToken).ConfigureAwait(false);
        EventMapping mapping = EventMapping.Resolve(stream, map, parsed.GetValue(Producer), OperationOf(parsed.GetValue(Op)!), input);
        var session = new PushSession(connection, input, new EventBatcher(mapping, batch), TimeSpan.FromSeconds(Math.Max(0, parsed.GetValue(Retry))));

        Task<CommandFailure?> work = session.RunAsync(cancellationToken);
        await ProgressDisplay.FollowAsync(terminal, work, () => Sample(session, input)).ConfigureAwait(false);
        CommandFailure? stopped = await work.ConfigureAwait(false);
        Print(terminal, session, input, stopped);
        if (stopped is not null)
        {
            throw stopped;
        }

        return session.Totals.AnyRefused ? ExitCode.Refused : ExitCode.Ok;
    }

    private static ProgressSample Sample(PushSession session, InputFile input)
    {
        PushTotals totals = session.Totals;
        string refused = totals.AnyRefused ? $", {totals.Quarantined + totals.Unreadable:N0} refused" : "";
        string description = $"{totals.Answered:N0} events, {Rate(session):N0} events/s{refused}";
        return new ProgressSample(description, input.Length is > 0 and { } length ? Math.Min(1, input.BytesRead / (double)length) : null);
    }

    private static double Rate(PushSession session) => session.Totals.Answered / Math.Max(0.001, session.Elapsed.TotalSeconds);

    private static void Print(Terminal terminal, PushSession session, InputFile input, CommandFailure? stopped)
    {
        if (terminal.Json)
        {
            terminal.Write(Document(session, stopped));
            return;
        }

        PushTotals totals = session.Totals;
        Table counts = Terminal.NewTable("accepted", "duplicate", "late", "quarantined", "unreadable", "seconds", "events/s");
        counts.AddRow(
            Count(totals.Accepted), Count(totals.Duplicates), Count(totals.Late), Count(totals.Quarantined), Count(totals.Unreadable),
            session.Elapsed.TotalSeconds.ToString("F2", CultureInfo.InvariantCulture), Count((ulong)Rate(session)));
        terminal.Write(counts);
        foreach (RefusedLine refused in totals.FirstRefusals())
        {
            string field = refused.Field.Length > 0 ? $"field {refused.Field}: " : "";
            string fix = refused.Fix.Length > 0 ? $"; {refused.Fix}" : "";
            terminal.Write($"{input.Place}:{refused.Line}: {field}{refused.Reason}{fix}");
        }

        ulong more = totals.Quarantined + totals.Unreadable - (ulong)totals.FirstRefusals().Length;
        if (more > 0)
        {
            terminal.Write($"... and {Count(more)} more; list the quarantine with: orleans-features quarantine");
        }
    }

    private static JsonObject Document(PushSession session, CommandFailure? stopped)
    {
        PushTotals totals = session.Totals;
        return new JsonObject
        {
            ["accepted"] = totals.Accepted,
            ["duplicates"] = totals.Duplicates,
            ["late"] = totals.Late,
            ["quarantined"] = totals.Quarantined,
            ["unreadable"] = totals.Unreadable,
            ["acknowledged_through_line"] = totals.AcknowledgedThroughLine,
            ["reconnects"] = totals.Reconnects,
            ["seconds"] = Math.Round(session.Elapsed.TotalSeconds, 3),
            ["events_per_second"] = Math.Round(Rate(session)),
            ["error"] = stopped?.Message,
            ["refusals"] = new JsonArray(totals.FirstRefusals().Select(JsonNode (refused) => new JsonObject
            {
                ["line"] = refused.Line,
                ["field"] = refused.Field,
                ["reason"] = refused.Reason,
                ["fix"] = refused.Fix,
            }).ToArray()),
        };
    }

    private static string Count(ulong number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static RowFormat? RowFormatOf(string? format) => format switch
    {
        "csv" => RowFormat.Csv,
        "jsonl" => RowFormat.JsonLines,
        _ => null,
    };

    private static Operation OperationOf(string name) => (Operation)Array.IndexOf(EnvelopeNames.Operations, name);

    private static Option<string> NewOperation()
    {
        var option = new Option<string>("--op")
        {
            Description = "What events do that do not say it themselves: insert them, replace those of their id (upsert), or take those of their id back (delete; the file then needs the id only).",
            DefaultValueFactory = _ => EnvelopeNames.Operations[0],
        };
        option.AcceptOnlyFromAmong(EnvelopeNames.Operations);
        return option;
    }

    private static Option<string?> NewFormat()
    {
        var option = new Option<string?>("--format") { Description = "Format of the file; taken from its name or its first character when not given." };
        option.AcceptOnlyFromAmong("csv", "jsonl");
        return option;
    }
}
