using System.Text.Json;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// The events of a body: one JSON object, an array of objects, or one object per line (NDJSON). A line that is not JSON is one bad event; the
/// body as a whole is refused only when nothing of it can be read. REST and the upstream read bodies here alike.
/// </summary>
internal static class JsonEvents
{
    private const string Empty = "it is empty";

    private static readonly byte[] ByteOrderMark = [0xEF, 0xBB, 0xBF];

    /// <exception cref="RequestRefusedException">Nothing of the body can be read.</exception>
    public static List<JsonEvent> Read(ReadOnlyMemory<byte> body)
    {
        List<JsonEvent> events = ReadOrNote(body);
        return events is [{ Problem: { } problem }]
            ? throw Refuse.Argument("body", problem == Empty ? problem : $"it is not JSON: {problem}", "send one JSON object, an array of them, or one per line")
            : events;
    }

    /// <summary>As <see cref="Read"/>, for bodies that nobody waits for an answer to: one of which nothing can be read is one bad event.</summary>
    public static List<JsonEvent> ReadOrNote(ReadOnlyMemory<byte> body)
    {
        ReadOnlyMemory<byte> text = (body.Span.StartsWith(ByteOrderMark) ? body[ByteOrderMark.Length..] : body).Trim(" \t\r\n"u8);
        if (text.IsEmpty)
        {
            return [new JsonEvent(default, 1, Empty, "")];
        }

        JsonEvent whole = Parse(text, line: 1);
        if (whole.Problem is not null)
        {
            List<JsonEvent> lines = text.Span[0] == (byte)'[' ? [] : ReadLines(body);
            return lines.Exists(line => line.Problem is null) ? lines : [whole];
        }

        return whole.Element.ValueKind == JsonValueKind.Array
            ? [.. whole.Element.EnumerateArray().Select(element => new JsonEvent(element, 0, null, ""))]
            : [whole];
    }

    private static List<JsonEvent> ReadLines(ReadOnlyMemory<byte> body)
    {
        var events = new List<JsonEvent>();
        int number = 0;
        while (!body.IsEmpty)
        {
            number++;
            int end = body.Span.IndexOf((byte)'\n');
            ReadOnlyMemory<byte> line = (end < 0 ? body : body[..end]).Trim(" \t\r"u8);
            body = end < 0 ? default : body[(end + 1)..];
            if (!line.IsEmpty)
            {
                events.Add(Parse(line, number));
            }
        }

        return events;
    }

    private static JsonEvent Parse(ReadOnlyMemory<byte> text, int line)
    {
        string? problem = JsonText.Parse(text, out JsonElement element);
        int shown = Math.Min(text.Length, Limits.QuarantineJsonBytesMax);
        return new JsonEvent(element, line, problem, problem is null ? "" : System.Text.Encoding.UTF8.GetString(text.Span[..shown]));
    }
}

/// <param name="Element">The event, if it could be read.</param>
/// <param name="Line">From one, in a body of lines; zero in an array.</param>
/// <param name="Problem">Why it could not be read.</param>
/// <param name="Raw">What stood there instead.</param>
internal readonly record struct JsonEvent(JsonElement Element, int Line, string? Problem, string Raw)
{
    public EventRefusal? Unreadable() => Problem is not null
        ? new EventRefusal("", $"it is not JSON: {Problem}", "send one JSON object per line")
        : Element.ValueKind != JsonValueKind.Object
            ? new EventRefusal("", $"it is a JSON {Element.ValueKind.ToString().ToLowerInvariant()}", "send the event as a JSON object")
            : null;
}
