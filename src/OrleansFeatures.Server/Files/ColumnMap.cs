namespace OrleansFeatures.Server.Files;

/// <summary>
/// <c>--map field=column</c>: which column holds a field whose name the file spells differently. <c>--map field=</c> says that the
/// file does not have the field, on purpose: it stays null. Without a mapping a field is looked for under its own name, and its
/// absence is an error, because a feature computed from a column that was silently null is wrong without anybody noticing.
/// </summary>
internal sealed class ColumnMap
{
    private readonly Dictionary<string, string> _columnByField = new(StringComparer.Ordinal);

    public static ColumnMap Parse(IEnumerable<string> mappings)
    {
        var map = new ColumnMap();
        foreach (string mapping in mappings)
        {
            int equals = mapping.IndexOf('=');
            if (equals <= 0)
            {
                throw CommandFailure.Usage($"--map {mapping}: expected field=column, for example --map tx_id=event_id (or field= for a field the file does not have)");
            }

            if (!map._columnByField.TryAdd(mapping[..equals], mapping[(equals + 1)..]))
            {
                throw CommandFailure.Usage($"--map {mapping}: field '{mapping[..equals]}' is mapped twice");
            }
        }

        return map;
    }

    /// <summary>Whether the user mapped a field of that name, be it to no column.</summary>
    public bool Has(string field) => _columnByField.ContainsKey(field);

    /// <summary>
    /// The column of every field, or -1 where the map leaves it out. Fails with everything that is missing at once, and what was found.
    /// </summary>
    /// <param name="fields">What is looked for; the answer is in its order.</param>
    /// <param name="rows">The file.</param>
    /// <param name="place">The file's name, for messages.</param>
    /// <param name="optional">Fields that the file need not have; unless they are mapped, their absence is no error.</param>
    public int[] Resolve(IReadOnlyList<string> fields, RowReader rows, string place, params IReadOnlyCollection<string> optional)
    {
        foreach (string mapped in _columnByField.Keys.Where(field => !fields.Contains(field)))
        {
            throw CommandFailure.Usage($"--map {mapped}=...: there is no field '{mapped}'{Suggestion.For(mapped, fields)}; the fields are {string.Join(", ", fields)}");
        }

        int[] columns = fields.Select(field => ColumnOf(field, rows)).ToArray();
        string[] missing = fields.Where((field, at) => columns[at] < 0 && !LeftOut(field) && (!optional.Contains(field) || _columnByField.ContainsKey(field))).ToArray();
        if (missing.Length == 0)
        {
            return columns;
        }

        string[] unused = rows.Columns.Where((_, at) => !columns.Contains(at)).ToArray();
        string example = unused.Length > 0 ? $"--map {missing[0]}={unused[0]}" : $"--map {missing[0]}= to leave it null";
        throw CommandFailure.Refused(
            $"{place}:1: no column for {string.Join(", ", missing.Select(Describe))}; found {string.Join(", ", rows.Columns)}; name the column, for example {example}");
    }

    private int ColumnOf(string field, RowReader rows)
    {
        bool mapped = _columnByField.TryGetValue(field, out string? column);
        return mapped && column is "" ? -1 : rows.IndexOf(column ?? field, learn: mapped || EnvelopeName.Is(field));
    }

    private bool LeftOut(string field) => _columnByField.TryGetValue(field, out string? column) && column is "";

    private string Describe(string field) =>
        _columnByField.TryGetValue(field, out string? column) ? $"{field} (mapped to '{column}')" : field;
}
