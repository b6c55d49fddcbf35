using OrleansFeatures.Server.Commands;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;

namespace OrleansFeatures.Server.Files;

/// <summary>Which column of a file feeds which field of a stream, in the schema's order. Fields that the file lacks are not listed.</summary>
internal sealed record EventMapping(string Stream, uint SchemaVersion, MappedField[] Fields, EnvelopeMapping Envelope)
{
    /// <param name="definition">The stream, as the registry answered.</param>
    /// <param name="map">What the user mapped.</param>
    /// <param name="producerColumn">The column that names each event's producer, or null.</param>
    /// <param name="operation">What events do that do not say it themselves. When all are deletes, the file needs the column of the event id only.</param>
    /// <param name="input">The file; its columns are looked up.</param>
    public static EventMapping Resolve(Definition definition, ColumnMap map, string? producerColumn, Operation operation, InputFile input)
    {
        string[] names = definition.Stream.Fields.Select(field => field.Name).ToArray();
        EnvelopeName[] envelope = EnvelopeName.All.Select(name => name.SpelledFor(names, map)).ToArray();
        bool hasOperations = input.Rows.IndexOf(EnvelopeName.All[EnvelopeName.Operation].Name) >= 0 || map.Has(envelope[EnvelopeName.Operation].Name);
        bool onlyDeletes = operation == Operation.Delete && !hasOperations;
        IEnumerable<string> optional = envelope.Select(item => item.Name);
        int[] columns = map.Resolve(
            [.. names, .. envelope.Select(item => item.Name)], input.Rows, input.Place,
            [.. onlyDeletes ? optional.Concat(names.Where(name => name != definition.Stream.EventId)) : optional]);
        MappedField[] fields = definition.Stream.Fields
            .Select((field, at) => new MappedField(field.Name, Domain(field.Type), columns[at]))
            .Where(field => field.Column != EnvelopeMapping.NoColumn && (!onlyDeletes || field.Name == definition.Stream.EventId))
            .ToArray();
        int[] said = columns[names.Length..];
        return new EventMapping(definition.Name, definition.Version, fields, new EnvelopeMapping
        {
            Producer = ProducerOf(producerColumn, said[EnvelopeName.Producer], map.Has(envelope[EnvelopeName.Producer].Name), input),
            Operation = said[EnvelopeName.Operation],
            Arrival = said[EnvelopeName.ArrivalTime],
            Otherwise = operation,
            IdField = Array.FindIndex(fields, field => field.Name == definition.Stream.EventId),
        });
    }

    private static int ProducerOf(string? option, int found, bool isMapped, InputFile input)
    {
        if (option is null)
        {
            return found;
        }

        if (isMapped)
        {
            throw CommandFailure.Usage($"--producer-field {option}: --map names a column of the producers too; use one of the two");
        }

        int column = input.Rows.IndexOf(option, learn: input.Rows is JsonLinesRowReader);
        return column != EnvelopeMapping.NoColumn
            ? column
            : throw CommandFailure.Refused($"{input.Place}:1: no column '{option}' for --producer-field; found {string.Join(", ", input.Rows.Columns)}");
    }

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
