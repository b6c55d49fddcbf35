using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;

namespace OrleansFeatures.Server.Files;

/// <summary>Which column of a file feeds which field of a stream, in the schema's order. Fields that the file lacks are not listed.</summary>
internal sealed record EventMapping(string Stream, uint SchemaVersion, MappedField[] Fields, int ProducerColumn)
{
    private const int NoColumn = -1;

    /// <param name="definition">The stream, as the registry answered.</param>
    /// <param name="map">What the user mapped.</param>
    /// <param name="producerColumn">The column that names each event's producer, or null.</param>
    /// <param name="input">The file; its columns are looked up.</param>
    public static EventMapping Resolve(Definition definition, ColumnMap map, string? producerColumn, InputFile input)
    {
        string[] names = definition.Stream.Fields.Select(field => field.Name).ToArray();
        int[] columns = map.Resolve(names, input.Rows, input.Place);
        MappedField[] fields = definition.Stream.Fields
            .Select((field, at) => new MappedField(field.Name, Domain(field.Type), columns[at]))
            .Where(field => field.Column != NoColumn)
            .ToArray();
        int producer = producerColumn is null ? NoColumn : input.Rows.IndexOf(producerColumn, learn: input.Rows is JsonLinesRowReader);
        if (producerColumn is not null && producer == NoColumn)
        {
            throw CommandFailure.Refused($"{input.Place}:1: no column '{producerColumn}' for --producer-field; found {string.Join(", ", input.Rows.Columns)}");
        }

        return new EventMapping(definition.Name, definition.Version, fields, producer);
    }

    public bool HasProducer => ProducerColumn != NoColumn;

    private static FieldType Domain(V1.FieldType type) => type switch
    {
        V1.FieldType.Int64 => FieldType.Int64,
        V1.FieldType.Double => FieldType.Double,
        V1.FieldType.String => FieldType.String,
        V1.FieldType.Bool => FieldType.Bool,
        V1.FieldType.Timestamp => FieldType.Timestamp,
        _ => throw CommandFailure.Refused($"the server names a field type ({type}) that this command does not know; use the command of the server's version"),
    };
}

internal readonly record struct MappedField(string Name, FieldType Type, int Column);
