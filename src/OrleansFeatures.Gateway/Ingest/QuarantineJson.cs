using System.Buffers;
using System.Text;
using System.Text.Json;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>A refused event as text for people to look at, including what JSON itself cannot say (NaN, times outside the calendar).</summary>
internal static class QuarantineJson
{
    private static readonly JsonWriterOptions Lenient = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The event as it came, cut at <see cref="Limits.QuarantineJsonBytesMax"/>.</summary>
    public static string Of(EventSource source, int index)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, Lenient))
        {
            source.WriteJson(index, writer);
        }

        string text = Encoding.UTF8.GetString(bytes.WrittenSpan);
        return text.Length <= Limits.QuarantineJsonBytesMax ? text : text[..Limits.QuarantineJsonBytesMax];
    }

    /// <summary>At most the limit in UTF-8, never through the middle of a character.</summary>
    public static string Cut(string json)
    {
        // A UTF-16 unit is at most three bytes, so a short text needs no counting.
        if (json.Length <= Limits.QuarantineJsonBytesMax / 3)
        {
            return json;
        }

        int bytes = 0;
        int length = 0;
        foreach (Rune rune in json.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > Limits.QuarantineJsonBytesMax)
            {
                return json[..length];
            }

            length += rune.Utf16SequenceLength;
        }

        return json;
    }

    public static void WriteNumber(Utf8JsonWriter writer, double number)
    {
        if (double.IsFinite(number))
        {
            writer.WriteNumberValue(number);
        }
        else
        {
            writer.WriteStringValue(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    public static void WriteText(Utf8JsonWriter writer, string text) =>
        writer.WriteStringValue(text.AsSpan(0, Math.Min(text.Length, Limits.QuarantineJsonBytesMax)));

    public static void WriteTime(Utf8JsonWriter writer, long micros)
    {
        if (micros is >= Domain.Limits.TimestampMinMicros and <= Domain.Limits.TimestampMaxMicros)
        {
            writer.WriteStringValue(new EventTime(micros).ToString());
        }
        else
        {
            writer.WriteNumberValue(micros);
        }
    }
}
