using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Gateway.Ingest;
using FeastValue = Feast.Types.Value;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>One column of a data frame. With <paramref name="Repeats"/> its one value is that of every row, as pandas takes a scalar.</summary>
internal sealed record FrameColumn(string Name, IReadOnlyList<FeastValue> Values, bool Repeats = false)
{
    public FeastValue this[int row] => Values[Repeats ? 0 : row];
}

/// <summary>
/// The rows of a Feast push as events. Feast knows neither event ids nor our names of times, so three columns are special where the schema has no field of their name:
/// <c>event_timestamp</c> is the stream's event time; <c>created</c> and <c>created_timestamp</c>, which say when a row was made, are passed over. Where the event id is text and has no column, it is made from
/// the row's content: the same row again is a duplicate, as a repeated push should be, and two equal rows in one frame are one event.
/// </summary>
internal sealed class FrameSource(string stream, IReadOnlyList<FrameColumn> columns) : EventSource
{
    private const string EventTimeColumn = "event_timestamp";

    /// <summary>Of the 32 bytes of the row's hash: enough that no two rows ever meet by chance.</summary>
    private const int MadeIdBytes = 16;

    private static readonly string[] PassedOver = ["created", "created_timestamp"];

    private readonly List<(FrameColumn Column, int Position)> _bound = [];
    private StreamVersion? _version;
    private bool _makesIds;

    public override string Stream => stream;

    public override uint SchemaVersion => 0;

    /// <exception cref="RequestRefusedException">The columns are of different lengths.</exception>
    public override int Count { get; } = RowsOf(columns);

    public override void Bind(StreamVersion version)
    {
        _version = version;
        foreach (FrameColumn column in columns)
        {
            int position = PositionOf(version, column.Name);
            if (position >= 0)
            {
                _bound.Add((column, position));
            }
        }

        if (_bound.GroupBy(bound => bound.Position).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw Refuse.Argument($"df.{twice.Last().Column.Name}", $"it is field '{version.Definition.Fields[twice.Key].Name}' a second time", "send each field once");
        }

        FieldDefinition id = version.Definition.Fields[version.IdPosition];
        _makesIds = _bound.TrueForAll(bound => bound.Position != version.IdPosition);
        if (_makesIds && id.Type != FieldType.String)
        {
            throw Refuse.Argument($"df.{id.Name}", $"the events of stream '{stream}' are told apart by '{id.Name}', and there is no such column", $"send it, or declare '{id.Name}' a string: then it is made from the row");
        }
    }

    public override EventRefusal? ReadProvenance(int index, out Provenance provenance)
    {
        provenance = new Provenance { Producer = Array.Empty<byte>(), Operation = EventOperation.Insert };
        return null;
    }

    public override EventRefusal? Read(int index, bool idOnly, Span<Value> fields)
    {
        fields.Clear();
        foreach ((FrameColumn column, int position) in _bound)
        {
            if (FeastValues.Read(column[index], _version!.Definition.Fields[position], out fields[position]) is { } refusal)
            {
                return refusal;
            }
        }

        if (_makesIds)
        {
            fields[_version!.IdPosition] = Value.Of(IdOf(fields));
        }

        return null;
    }

    public override void WriteJson(int index, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (FrameColumn column in columns)
        {
            writer.WritePropertyName(column.Name);
            QuarantineJson.WriteText(writer, FeastValues.TextOf(column[index]) ?? FeastValues.Shown(column[index]));
        }

        writer.WriteEndObject();
    }

    private static int RowsOf(IReadOnlyList<FrameColumn> columns)
    {
        int? rows = null;
        foreach (FrameColumn column in columns.Where(column => !column.Repeats))
        {
            rows ??= column.Values.Count;
            if (rows != column.Values.Count)
            {
                throw Refuse.Argument($"df.{column.Name}", $"{column.Values.Count} values where another column has {rows}", "give every column one value per row");
            }
        }

        return rows ?? Math.Min(columns.Count, 1);
    }

    private int PositionOf(StreamVersion version, string column)
    {
        int position = FieldNames.PositionOf(version, column);
        if (position >= 0)
        {
            return position;
        }

        return column switch
        {
            EventTimeColumn => version.TimePosition,
            _ when PassedOver.Contains(column) => -1,
            _ => throw Refuse.Argument($"df.{column}", $"stream '{stream}' has no field '{column}'", FieldNames.DidYouMean(version, column)),
        };
    }

    /// <summary>By field of the schema, so that the order of the columns does not matter.</summary>
    private string IdOf(ReadOnlySpan<Value> fields)
    {
        var text = new StringBuilder();
        for (int position = 0; position < fields.Length; position++)
        {
            if (!fields[position].IsNull)
            {
                string value = fields[position].ToString();
                text.Append(_version!.Definition.Fields[position].Name).Append(' ').Append(value.Length).Append(' ').Append(value).Append('\n');
            }
        }

        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()));
        return Convert.ToHexStringLower(hash.AsSpan(0, MadeIdBytes));
    }
}
