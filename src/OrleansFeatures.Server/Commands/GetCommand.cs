using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>get</c>: the features of some entities, now or as of a time.</summary>
internal static class GetCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Service = CommandOptions.Required("--service", "SERVICE", "The feature service to read: its name, or name@version.");

    private static readonly Option<string[]> Entity = new("--entity")
    {
        Description = "An entity type and its key; once per entity type, or several times for several rows. Composite keys: type=a,b.",
        HelpName = "type=key",
        Required = true,
    };

    private static readonly Option<string> AsOf = new("--as-of")
    {
        Description = "The event time to read at: RFC 3339 (2018-06-01T12:00:00Z), 'stream' for the stream's own time, or 'now'.",
        HelpName = "T",
        DefaultValueFactory = _ => "now",
    };

    private static readonly Option<string?> KnownAt = new("--known-at")
    {
        Description = "Look only at events that had arrived by then (RFC 3339); everything known today without it.",
        HelpName = "T",
    };

    private static readonly Option<string[]> Request = RequestOption.Create();

    public static Command Create() => CommandOptions.Command(
        "get",
        "Read the features of one or more entities.",
        [
            "get --service fraud --entity customer=596 --entity terminal=3156",
            "get --service fraud --entity customer=596 --entity terminal=3156 --as-of 2018-06-01T12:00:00Z",
            "get --service fraud --entity customer=596 --entity terminal=3156 --as-of 2018-06-01T12:00:00Z --known-at 2018-06-01T12:00:05Z",
            "get --service fraud_online --entity customer=596 --entity terminal=3156 --request amount=57.16",
            "get --service fraud --entity customer=1 --entity customer=2 --entity terminal=7 --as-of stream --output json",
        ],
        [Server, Service, Entity, AsOf, KnownAt, Request],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        var request = new GetFeaturesRequest { What = new FeatureSelection { FeatureService = parsed.GetValue(Service)! } };
        SetTime(request, parsed.GetValue(AsOf)!);
        if (parsed.GetValue(KnownAt) is { } knownAt)
        {
            request.KnownAtMicros.Add(EventTime.TryParse(knownAt, out EventTime time)
                ? time.Micros
                : throw CommandFailure.Usage($"--known-at {knownAt}: expected an RFC 3339 time with its zone (2018-06-01T12:00:00Z)"));
        }

        KeySchema.RequireForm(parsed.GetValue(Entity)!);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        KeySchema keys = await KeySchema.ResolveAsync(connection, request.What.FeatureService, cancellationToken).ConfigureAwait(false);
        (KeyColumn[] columns, int rows) = keys.ColumnsOf(parsed.GetValue(Entity)!);
        request.Keys.AddRange(columns);
        request.Context.AddRange(RequestOption.ColumnsOf(parsed.GetValue(Request)!, keys.Service, keys.RequestFields, rows));
        GetFeaturesResponse answer = await connection.CallAsync(options => connection.Features.GetFeaturesAsync(request, options), cancellationToken).ConfigureAwait(false);

        if (terminal.Json)
        {
            terminal.Write(Document(answer, columns, rows));
        }
        else
        {
            Print(terminal, answer, columns, rows);
        }

        return ExitCode.Ok;
    }

    private static void SetTime(GetFeaturesRequest request, string asOf)
    {
        switch (asOf)
        {
            case "now":
                break;
            case "stream":
                request.AsOfStreamTime = true;
                break;
            case var _ when EventTime.TryParse(asOf, out EventTime time):
                request.AsOfMicros.Add(time.Micros);
                break;
            default:
                throw CommandFailure.Usage($"--as-of {asOf}: expected an RFC 3339 time with its zone (2018-06-01T12:00:00Z), 'stream', or 'now'");
        }
    }

    private static void Print(Terminal terminal, GetFeaturesResponse answer, KeyColumn[] keys, int rows)
    {
        var cells = new FeatureCells(answer.Columns);
        for (int row = 0; row < rows; row++)
        {
            terminal.Write(string.Join("  ", keys.Select(key => $"{key.Field} = {KeyText(key, row)}")));
            Table features = Terminal.NewTable("feature", "value", "status");
            for (int column = 0; column < cells.Columns.Count; column++)
            {
                features.AddRow(
                    Terminal.Cell(cells.Columns[column].Name),
                    Terminal.Cell(cells.Text(answer.Rows, row, column)),
                    Terminal.Cell(StatusText(cells, answer.Rows, row, column)));
            }

            terminal.Write(features);
            foreach (EntityState state in StatesOf(answer, row, rows))
            {
                terminal.Write($"{state.Entity}: state version {state.StateVersion.ToString(CultureInfo.InvariantCulture)}, last event {TimeText(state.LastEventTimeMicros)}, complete through {TimeText(state.CompleteThroughMicros)}");
            }

            if (row + 1 < rows)
            {
                terminal.Write("");
            }
        }
    }

    private static JsonArray Document(GetFeaturesResponse answer, KeyColumn[] keys, int rows)
    {
        var cells = new FeatureCells(answer.Columns);
        var document = new JsonArray();
        for (int row = 0; row < rows; row++)
        {
            var keyObject = new JsonObject();
            foreach (KeyColumn key in keys)
            {
                keyObject[key.Field] = key.Int64S.Count > 0 ? key.Int64S[row] : key.Strings[row];
            }

            var features = new JsonObject();
            for (int column = 0; column < cells.Columns.Count; column++)
            {
                FeatureStatus status = cells.Status(answer.Rows, row, column);
                var cell = new JsonObject { ["value"] = cells.Json(answer.Rows, row, column), ["status"] = StatusText(status) };
                if (status == FeatureStatus.Approximate)
                {
                    cell["hop"] = HopText(cells.Columns[column]);
                }

                features[cells.Columns[column].Name] = cell;
            }

            document.Add(new JsonObject
            {
                ["keys"] = keyObject,
                ["features"] = features,
                ["entities"] = new JsonArray(StatesOf(answer, row, rows).Select(StateObject).ToArray()),
            });
        }

        return document;
    }

    private static JsonNode StateObject(EntityState state) => new JsonObject
    {
        ["entity"] = state.Entity,
        ["state_version"] = state.StateVersion,
        ["last_event_time"] = state.LastEventTimeMicros == 0 ? null : new EventTime(state.LastEventTimeMicros).ToString(),
        ["complete_through"] = state.CompleteThroughMicros == 0 ? null : new EventTime(state.CompleteThroughMicros).ToString(),
    };

    private static IEnumerable<EntityState> StatesOf(GetFeaturesResponse answer, int row, int rows)
    {
        int perRow = answer.States.Count / rows;
        return answer.States.Skip(row * perRow).Take(perRow);
    }

    private static string KeyText(KeyColumn key, int row) =>
        key.Int64S.Count > 0 ? key.Int64S[row].ToString(CultureInfo.InvariantCulture) : key.Strings[row];

    private static string TimeText(long micros) => micros == 0 ? "never" : new EventTime(micros).ToString();

    private static string HopText(FeatureColumn column) => new Domain.Definitions.Duration(column.HopMicros).ToString();

    /// <summary>An approximate value says by how much of event time its window may be blurred.</summary>
    private static string StatusText(FeatureCells cells, FeatureRows rows, int row, int column)
    {
        FeatureStatus status = cells.Status(rows, row, column);
        return status == FeatureStatus.Approximate ? $"{StatusText(status)} (hop {HopText(cells.Columns[column])})" : StatusText(status);
    }

    /// <summary>As the contract spells it: NULL_VALUE, not NullValue.</summary>
    private static string StatusText(FeatureStatus status) => status switch
    {
        FeatureStatus.Present => "PRESENT",
        FeatureStatus.NullValue => "NULL_VALUE",
        FeatureStatus.NotFound => "NOT_FOUND",
        FeatureStatus.OutsideMaxAge => "OUTSIDE_MAX_AGE",
        FeatureStatus.Approximate => "APPROXIMATE",
        FeatureStatus.OutsideRetention => "OUTSIDE_RETENTION",
        _ => "INVALID",
    };
}
