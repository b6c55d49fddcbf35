using System.Globalization;
using Feast.Types;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Value = Feast.Types.Value;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>
/// The entity columns of a Feast request as key columns of ours. Feast names a column by its join key, which is our key field, or (deprecated) by the entity, which is our entity type of one key field. Columns that are
/// neither are passed over, as Feast does; a key field that is missing then is refused by name.
/// </summary>
internal static class FeastKeys
{
    /// <summary>In the order of the request.</summary>
    /// <exception cref="RequestRefusedException">A value cannot be a key; the message names column and row.</exception>
    public static List<KeyColumn> Of(Selection selection, IEnumerable<KeyValuePair<string, RepeatedValue>> entities)
    {
        var keys = new List<KeyColumn>();
        foreach ((string name, RepeatedValue values) in entities)
        {
            if (FieldOf(selection, name) is { } field && keys.All(key => key.Field != field.Name))
            {
                keys.Add(Of(field, name, values));
            }
        }

        return keys;
    }

    private static FieldDefinition? FieldOf(Selection selection, string name)
    {
        FieldDefinition? field = selection.KeyFields.FirstOrDefault(field => field.Name == name);
        return field ?? selection.Entities.FirstOrDefault(read => read.Entity.Name == name && read.Entity.Key.Length == 1)?.Entity.Key[0];
    }

    private static KeyColumn Of(FieldDefinition field, string name, RepeatedValue values)
    {
        var column = new KeyColumn { Field = field.Name };
        for (int row = 0; row < values.Val.Count; row++)
        {
            Value value = values.Val[row];
            if (field.Type == FieldType.Int64)
            {
                column.Int64S.Add(WholeOf(value) ?? throw Refused(name, row, value, "a whole number"));
            }
            else
            {
                column.Strings.Add(TextOf(value) ?? throw Refused(name, row, value, "text"));
            }
        }

        return column;
    }

    /// <summary>Pandas makes floats of integers where a column has a gap, so whole doubles are taken.</summary>
    private static long? WholeOf(Value value) => value.ValCase switch
    {
        Value.ValOneofCase.Int64Val => value.Int64Val,
        Value.ValOneofCase.Int32Val => value.Int32Val,
        Value.ValOneofCase.DoubleVal => FeastValues.Whole(value.DoubleVal),
        Value.ValOneofCase.FloatVal => FeastValues.Whole(value.FloatVal),
        Value.ValOneofCase.StringVal when long.TryParse(value.StringVal, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) => number,
        _ => null,
    };

    private static string? TextOf(Value value) => value.ValCase switch
    {
        Value.ValOneofCase.Int64Val => value.Int64Val.ToString(CultureInfo.InvariantCulture),
        Value.ValOneofCase.Int32Val => value.Int32Val.ToString(CultureInfo.InvariantCulture),
        _ => FeastValues.TextOf(value),
    };

    private static RequestRefusedException Refused(string name, int row, Value value, string expected) =>
        Refuse.Argument($"entities.{name}[{row}]", $"{FeastValues.Shown(value)} cannot be a key here", $"send {expected}");
}
