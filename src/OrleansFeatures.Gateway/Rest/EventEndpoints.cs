using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Gateway.Ingest;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Events over REST.</summary>
internal sealed class EventEndpoints(Ingestion ingestion)
{
    private static readonly string[] ResultNames = ["ACCEPTED", "DUPLICATE", "LATE", "QUARANTINED"];

    /// <summary><c>POST /events/v1/transactions?producer=till-7&amp;schema_version=1&amp;op=upsert</c>: 200 with a result per event, also when events were refused.</summary>
    public async Task PostAsync(HttpContext context)
    {
        MediaTypes.Choose(context.Request, MediaTypes.Json);
        string stream = (string)context.GetRouteValue("stream")!;
        byte[] body = await RequestBody.ReadAsync(context).ConfigureAwait(false);
        List<JsonEvent> events = JsonEvents.Read(body);
        var provenance = new JsonProvenance(context.Request.Query["producer"].ToString(), context.Request.Query["op"].ToString());
        var source = new JsonSource(stream, SchemaVersionOf(context.Request.Query["schema_version"]), provenance, events);
        PreparedPush push = await ingestion.PrepareAsync(source, context.RequestAborted).ConfigureAwait(false);
        PushOutcome outcome = await ingestion.CommitAsync(push, wait: false, context.RequestAborted).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaTypes.Json, writer => Write(writer, events, outcome)).ConfigureAwait(false);
    }

    private static uint SchemaVersionOf(string? text) => string.IsNullOrEmpty(text)
        ? 0
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint version)
            ? version
            : throw Refuse.Argument("schema_version", $"'{text}' is not a version", "send a whole number, or leave it out for the newest");

    private static void Write(Utf8JsonWriter writer, List<JsonEvent> events, PushOutcome outcome)
    {
        writer.WriteStartObject();
        writer.WriteNumber("accepted", outcome.Accepted);
        writer.WriteNumber("duplicates", outcome.Duplicates);
        writer.WriteNumber("late", outcome.Late);
        writer.WriteNumber("quarantined", outcome.Refused);
        writer.WriteStartArray("results");
        Dictionary<int, EventRefusal> refusals = outcome.Refusals.ToDictionary(refused => refused.Index, refused => refused.Refusal);
        for (int index = 0; index < events.Count; index++)
        {
            IntakeResult result = outcome.Results.IsEmpty ? IntakeResult.Accepted : outcome.Results[index];
            WriteResult(writer, index, events[index].Line, result, refusals.GetValueOrDefault(index));
        }

        writer.WriteEndArray();
        WireJson.WriteToken(writer, PushResponses.TokenOf(outcome));
        writer.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter writer, int index, int line, IntakeResult result, EventRefusal? refusal)
    {
        writer.WriteStartObject();
        writer.WriteNumber("index", index);
        if (line > 0)
        {
            writer.WriteNumber("line", line);
        }

        writer.WriteString("result", ResultNames[(int)result]);
        if (refusal is not null)
        {
            writer.WriteString("field", refusal.Field);
            writer.WriteString("reason", refusal.Reason);
            writer.WriteString("fix", refusal.Fix);
        }

        writer.WriteEndObject();
    }
}
