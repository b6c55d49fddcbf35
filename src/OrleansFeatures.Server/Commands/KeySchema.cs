using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary>One key field that a request must give, and the entity it belongs to.</summary>
internal sealed record KeyField(string Name, FieldType Type);

/// <summary>What a feature service wants to know of every row: the key fields of all entities that it reads, and the fields of the request that it computes with.</summary>
internal sealed class KeySchema
{
    private readonly Dictionary<string, KeyField[]> _keysByEntity;

    internal KeySchema(string service, KeyField[] fields, Dictionary<string, KeyField[]> keysByEntity)
    {
        Service = service;
        Fields = fields;
        _keysByEntity = keysByEntity;
    }

    public string Service { get; }

    public IReadOnlyList<KeyField> Fields { get; }

    /// <summary>What on-demand features of the service take from the request.</summary>
    public IReadOnlyList<Field> RequestFields { get; init; } = [];

    public static async Task<KeySchema> ResolveAsync(ServerConnection connection, string service, CancellationToken cancellationToken)
    {
        Definition definition = await connection.DefinitionAsync("feature_service", service, cancellationToken).ConfigureAwait(false);
        Dictionary<string, KeyField[]> keys = await KeysAsync(connection, cancellationToken).ConfigureAwait(false);
        Dictionary<string, FieldType> types = keys.Values.SelectMany(fields => fields).GroupBy(field => field.Name).ToDictionary(group => group.Key, group => group.First().Type);
        KeyField[] wanted = definition.FeatureService.KeyFields.Select(name => new KeyField(name, types.GetValueOrDefault(name, FieldType.String))).ToArray();
        return new KeySchema(service, wanted, keys) { RequestFields = definition.FeatureService.RequestFields };
    }

    /// <summary>The keys of just those entity types that <c>--entity</c> names.</summary>
    public static async Task<KeySchema> OfEntitiesAsync(ServerConnection connection, IReadOnlyList<string> given, CancellationToken cancellationToken)
    {
        Dictionary<string, KeyField[]> keys = await KeysAsync(connection, cancellationToken).ConfigureAwait(false);
        KeyField[] wanted = [.. given.SelectMany(entity => keys.GetValueOrDefault(entity[..entity.IndexOf('=')], [])).DistinctBy(field => field.Name)];
        return new KeySchema("", wanted, keys);
    }

    /// <summary>
    /// The key columns of rows given as <c>--entity type=key</c>. A type given once holds for every row; types given several times
    /// must agree in number.
    /// </summary>
    public (KeyColumn[] Columns, int Rows) ColumnsOf(IReadOnlyList<string> entities)
    {
        var values = Fields.ToDictionary(field => field.Name, _ => new List<string>());
        foreach (string entity in entities)
        {
            AddEntity(entity, values);
        }

        string[] missing = values.Where(field => field.Value.Count == 0).Select(field => field.Key).ToArray();
        if (missing.Length > 0)
        {
            string[] types = _keysByEntity.Where(entity => entity.Value.Any(field => missing.Contains(field.Name))).Select(entity => $"--entity {entity.Key}=...").ToArray();
            throw CommandFailure.Usage($"feature service {Service} needs key field {string.Join(", ", missing)}; add {string.Join(" ", types)}");
        }

        int rows = values.Count == 0 ? 1 : values.Values.Max(column => column.Count);
        if (values.Values.Any(column => column.Count != 1 && column.Count != rows))
        {
            throw CommandFailure.Usage($"--entity: {string.Join(", ", values.Select(field => $"{field.Value.Count} of {field.Key}"))}; give each type once for all rows, or once per row");
        }

        KeyColumn[] columns = Fields.Select(field =>
        {
            var column = new KeyColumn { Field = field.Name };
            List<string> given = values[field.Name];
            for (int row = 0; row < rows; row++)
            {
                Append(column, field, given[given.Count == 1 ? 0 : row]);
            }

            return column;
        }).ToArray();
        return (columns, rows);
    }

    /// <summary>Adds one key to a column in the type of its field; false when the text is not of that type.</summary>
    public static bool TryAppend(KeyColumn column, KeyField field, ReadOnlySpan<byte> cell)
    {
        if (field.Type == FieldType.Int64)
        {
            bool isNumber = CellText.TryReadInt64(cell, out long number);
            column.Int64S.Add(number);
            return isNumber;
        }

        column.Strings.Add(System.Text.Encoding.UTF8.GetString(cell));
        return System.Text.Unicode.Utf8.IsValid(cell);
    }

    private static async Task<Dictionary<string, KeyField[]>> KeysAsync(ServerConnection connection, CancellationToken cancellationToken)
    {
        IReadOnlyList<Definition> entities = await connection.DefinitionsAsync("entity", cancellationToken).ConfigureAwait(false);
        return entities.GroupBy(entity => entity.Name).ToDictionary(
            group => group.Key,
            group => group.MaxBy(entity => entity.Version)!.Entity.Key.Select(field => new KeyField(field.Name, field.Type)).ToArray());
    }

    private static void Append(KeyColumn column, KeyField field, string text)
    {
        if (!TryAppend(column, field, System.Text.Encoding.UTF8.GetBytes(text)))
        {
            throw CommandFailure.Usage($"--entity: key field {field.Name} is an int64, '{text}' is not a whole number");
        }
    }

    /// <summary>What can be said of <c>--entity</c> without asking the server.</summary>
    public static void RequireForm(IEnumerable<string> entities)
    {
        foreach (string entity in entities.Where(entity => entity.IndexOf('=') <= 0))
        {
            throw CommandFailure.Usage($"--entity {entity}: expected type=key, for example --entity customer=596 (composite keys: type=a,b)");
        }
    }

    private void AddEntity(string entity, Dictionary<string, List<string>> values)
    {
        int equals = entity.IndexOf('=');
        string type = entity[..equals];
        if (!_keysByEntity.TryGetValue(type, out KeyField[]? fields))
        {
            throw CommandFailure.Usage($"--entity {entity}: there is no entity type '{type}'{Suggestion.For(type, _keysByEntity.Keys)} (known: {string.Join(", ", _keysByEntity.Keys)})");
        }

        string[] parts = fields.Length == 1 ? [entity[(equals + 1)..]] : entity[(equals + 1)..].Split(',');
        if (parts.Length != fields.Length)
        {
            throw CommandFailure.Usage($"--entity {entity}: {type} has the key {string.Join(", ", fields.Select(field => field.Name))}; give {fields.Length} values separated by commas");
        }

        for (int at = 0; at < parts.Length; at++)
        {
            if (!values.TryGetValue(fields[at].Name, out List<string>? column))
            {
                throw CommandFailure.Usage($"--entity {entity}: feature service {Service} does not read {type}; it needs {string.Join(", ", Fields.Select(field => field.Name))}");
            }

            column.Add(parts[at]);
        }
    }
}
