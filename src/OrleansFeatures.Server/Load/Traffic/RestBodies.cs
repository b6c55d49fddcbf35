using System.Buffers;
using System.Text.Json;
using OrleansFeatures.Gateway.Rest;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Requests that are made up as messages, as REST wants them: JSON with one object for each event or row.</summary>
internal static class RestBodies
{
    public static byte[] Of(GetFeaturesRequest lookup) => Body(writer =>
    {
        int rows = lookup.Keys.Count == 0 ? 1 : lookup.Keys[0].Int64S.Count + lookup.Keys[0].Strings.Count;
        writer.WriteStartObject();
        WriteArray(writer, "entities", rows, row => WriteKeys(writer, lookup.Keys, row));
        if (lookup.Context.Count > 0)
        {
            WriteArray(writer, "context", rows, row => WriteContext(writer, lookup.Context, row));
        }

        if (lookup.AsOfStreamTime)
        {
            writer.WriteString("as_of", "stream");
        }

        if (lookup.MinToken is { } token)
        {
            writer.WriteStartObject("min_token");
            WriteArray(writer, "partitions", token.Partitions.Count, index => writer.WriteNumberValue(token.Partitions[index]));
            WriteArray(writer, "offsets", token.Offsets.Count, index => writer.WriteNumberValue(token.Offsets[index]));
            writer.WriteEndObject();
            writer.WriteNumber("max_wait_ms", lookup.MaxWaitMs);
        }

        writer.WriteBoolean("compact", lookup.Compact);
        writer.WriteEndObject();
    });

    public static byte[] Of(ObserveAndGetRequest request, StreamSchema schema) => Body(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("stream", request.Stream);
        writer.WritePropertyName("event");
        WriteEvent(writer, schema, field => request.Event.Values[field]);
        if (request.Keys.Count > 0)
        {
            writer.WritePropertyName("keys");
            WriteKeys(writer, request.Keys, 0);
        }

        if (request.Context.Count > 0)
        {
            writer.WritePropertyName("context");
            WriteContext(writer, request.Context, 0);
        }

        writer.WriteEndObject();
    });

    public static byte[] Of(ColumnEvents events, StreamSchema schema) => Body(writer =>
    {
        writer.WriteStartArray();
        for (int row = 0; row < events.Count; row++)
        {
            int at = row;
            WriteEvent(writer, schema, field => ValueOf(events.Columns[field], at));
        }

        writer.WriteEndArray();
    });

    private static byte[] Body(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            write(writer);
        }

        return bytes.WrittenSpan.ToArray();
    }

    private static void WriteEvent(Utf8JsonWriter writer, StreamSchema schema, Func<int, Value> valueOf)
    {
        writer.WriteStartObject();
        for (int field = 0; field < schema.Fields.Count; field++)
        {
            writer.WritePropertyName(schema.Fields[field].Name);
            WireJson.Write(writer, valueOf(field));
        }

        writer.WriteEndObject();
    }

    private static void WriteKeys(Utf8JsonWriter writer, IEnumerable<KeyColumn> keys, int row)
    {
        writer.WriteStartObject();
        foreach (KeyColumn key in keys)
        {
            writer.WritePropertyName(key.Field);
            WireJson.Write(writer, key.Int64S.Count > 0 ? new Value { Int64 = key.Int64S[row] } : new Value { String = key.Strings[row] });
        }

        writer.WriteEndObject();
    }

    private static void WriteContext(Utf8JsonWriter writer, IEnumerable<ContextColumn> context, int row)
    {
        writer.WriteStartObject();
        foreach (ContextColumn field in context)
        {
            writer.WritePropertyName(field.Field);
            WireJson.Write(writer, ValueOf(field.Values, row));
        }

        writer.WriteEndObject();
    }

    private static void WriteArray(Utf8JsonWriter writer, string name, int count, Action<int> write)
    {
        writer.WriteStartArray(name);
        for (int index = 0; index < count; index++)
        {
            write(index);
        }

        writer.WriteEndArray();
    }

    private static Value ValueOf(Column column, int row) =>
        column.Int64S.Count > 0 ? new Value { Int64 = column.Int64S[row] }
        : column.Doubles.Count > 0 ? new Value { Double = column.Doubles[row] }
        : column.Strings.Count > 0 ? new Value { String = column.Strings[row] }
        : column.Bools.Count > 0 ? new Value { Bool = column.Bools[row] }
        : new Value { TimestampMicros = column.TimestampsMicros[row] };
}
