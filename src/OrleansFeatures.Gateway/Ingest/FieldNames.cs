using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>Which schema position each value or column of a push fills.</summary>
internal static class FieldNames
{
    /// <summary>No names mean the schema's own order, all fields.</summary>
    /// <exception cref="RequestRefusedException">A name is unknown, or given twice.</exception>
    public static int[] Positions(StreamVersion version, IList<string> names)
    {
        if (names.Count == 0)
        {
            return [.. Enumerable.Range(0, version.Definition.Fields.Length)];
        }

        var positions = new int[names.Count];
        var seen = new bool[version.Definition.Fields.Length];
        for (int index = 0; index < names.Count; index++)
        {
            int position = PositionOf(version, names[index]);
            if (position < 0)
            {
                throw Refuse.Argument($"field_names[{index}]", $"stream '{version.Definition.Name}' version {version.Definition.Version} has no field '{names[index]}'", DidYouMean(version, names[index]));
            }

            if (seen[position])
            {
                throw Refuse.Argument($"field_names[{index}]", $"field '{names[index]}' is named twice", "name each field once");
            }

            seen[position] = true;
            positions[index] = position;
        }

        return positions;
    }

    public static int PositionOf(StreamVersion version, string name)
    {
        var fields = version.Definition.Fields;
        for (int position = 0; position < fields.Length; position++)
        {
            if (fields[position].Name == name)
            {
                return position;
            }
        }

        return -1;
    }

    public static string DidYouMean(StreamVersion version, string name) =>
        NameSuggestion.DidYouMean(name, version.Definition.Fields.Select(field => field.Name));
}
