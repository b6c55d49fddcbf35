using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Rest;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>explain</c>: why a value is what it is, event by event.</summary>
internal static class ExplainCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Feature = CommandOptions.Required("--feature", "FEATURE", "One feature, as view:feature or view@2:feature, or an on-demand feature's name.");

    private static readonly Option<string[]> Entity = new("--entity")
    {
        Description = "The entity's type and key; composite keys: type=a,b. Leave it out for an entity without a key.",
        HelpName = "type=key",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string> AsOf = new("--as-of")
    {
        Description = "The event time to explain the value at: RFC 3339 (2018-06-01T12:00:00Z), 'stream' for the stream's own time, or 'now'.",
        HelpName = "T",
        DefaultValueFactory = _ => "now",
    };

    private static readonly Option<string?> KnownAt = new("--known-at") { Description = "Look only at events that had arrived by then (RFC 3339); everything known today without it.", HelpName = "T" };

    private static readonly Option<int?> Events = new("--events")
    {
        Description = $"List at most so many events that count, and as many that do not (1 to {Gateway.Limits.ExplainListMax}); {Gateway.Limits.ExplainListDefault} without it.",
        HelpName = "N",
    };

    private static readonly Option<string[]> Request = new("--request")
    {
        Description = "A field of the request that an on-demand feature computes with. field= is null.",
        HelpName = "field=value",
        DefaultValueFactory = _ => [],
    };

    public static Command Create() => CommandOptions.Command(
        "explain",
        "Show why a value is what it is: its window, the events that count, and those that do not with the reason. Goes through the log. Exit code 1 when the events do not give the served value.",
        [
            "explain --feature customer_spend:avg_amount_7d --entity customer=596",
            "explain --feature customer_spend:avg_amount_7d --entity customer=596 --as-of 2018-06-01T12:00:00Z --known-at 2018-06-01T12:00:05Z",
            "explain --feature amount_ratio --entity customer=596 --request amount=57.16",
            "explain --feature terminal_risk:risk_7d --entity terminal=3156 --as-of stream --events 20 --output json",
        ],
        [Server, Feature, Entity, AsOf, KnownAt, Request, Events],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string[] entities = parsed.GetValue(Entity)!;
        KeySchema.RequireForm(entities);
        ExplainRequest request = RequestOf(parsed);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        KeySchema keys = await KeySchema.OfEntitiesAsync(connection, entities, cancellationToken).ConfigureAwait(false);
        (KeyColumn[] columns, int rows) = keys.ColumnsOf(entities);
        request.Keys.AddRange(rows == 1 ? columns : throw CommandFailure.Usage("--entity: give each entity type once; one value is explained at a time"));
        ExplainResponse explained = await connection.CallAsync(options => connection.Features.ExplainAsync(request, options), cancellationToken, Limits.ExplainTimeoutSeconds).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(Document(explained));
        }
        else
        {
            new ExplainOutput(terminal).Print(explained, entities);
        }

        return explained.Features.Any(feature => feature.Agreement == Agreement.Differs) ? ExitCode.Refused : ExitCode.Ok;
    }

    private static ExplainRequest RequestOf(ParseResult parsed)
    {
        var request = new ExplainRequest { Feature = parsed.GetValue(Feature)! };
        string asOf = parsed.GetValue(AsOf)!;
        if (asOf == "stream")
        {
            request.AsOfStreamTime = true;
        }
        else if (asOf != "now")
        {
            request.AsOfMicros = TimeOf("--as-of", asOf, ", 'stream', or 'now'");
        }

        if (parsed.GetValue(KnownAt) is { } knownAt)
        {
            request.KnownAtMicros = TimeOf("--known-at", knownAt, "");
        }

        request.Context.AddRange(parsed.GetValue(Request)!.Select(ContextOf));
        request.EventsMax = parsed.GetValue(Events) switch
        {
            null => 0,
            >= 1 and <= Gateway.Limits.ExplainListMax => (uint)parsed.GetValue(Events)!.Value,
            var events => throw CommandFailure.Usage(string.Create(CultureInfo.InvariantCulture, $"--events {events}: expected 1 to {Gateway.Limits.ExplainListMax}")),
        };
        return request;
    }

    /// <summary>As text, which the store takes for the field's type.</summary>
    private static ContextColumn ContextOf(string given)
    {
        int equals = given.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            throw CommandFailure.Usage($"--request {given}: expected field=value");
        }

        string text = given[(equals + 1)..];
        var values = new Column { Strings = { text }, Nulls = text.Length == 0 ? Google.Protobuf.ByteString.CopyFrom(1) : Google.Protobuf.ByteString.Empty };
        return new ContextColumn { Field = given[..equals], Values = values };
    }

    private static long TimeOf(string option, string text, string orElse) => EventTime.TryParse(text, out EventTime time)
        ? time.Micros
        : throw CommandFailure.Usage($"{option} {text}: expected an RFC 3339 time with its zone (2018-06-01T12:00:00Z){orElse}");

    /// <summary>The document that REST answers with.</summary>
    private static JsonNode Document(ExplainResponse explained)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            ExplainJson.Write(writer, explained);
        }

        return JsonNode.Parse(bytes.WrittenSpan)!;
    }
}
