using Feast.Serving;
using Feast.Types;
using Google.Protobuf;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>
/// What on-demand features take from a Feast request, as context columns of ours. Feast's protocol has a place of its own for it, and its Python server wants it among the entities: both are looked at. Columns that no
/// feature takes are passed over, as Feast does; one that is missing is refused by name.
/// </summary>
internal static class FeastContext
{
    /// <exception cref="RequestRefusedException">A field is missing, or a value is not of its type; the message names column and row.</exception>
    public static IEnumerable<ContextColumn> Of(Selection selection, GetOnlineFeaturesRequest asked)
    {
        foreach (FieldDefinition field in selection.RequestFields)
        {
            bool own = asked.RequestContext.TryGetValue(field.Name, out RepeatedValue? values);
            if (!own && !asked.Entities.TryGetValue(field.Name, out values))
            {
                string needed = string.Join(", ", selection.RequestFields.Select(one => $"{one.Name} ({one.Type.Name()})"));
                throw Refuse.Argument(FeastErrors.ContextField, $"{selection.Name} needs the field '{field.Name}' of the request", $"give {needed}, here or among the entities");
            }

            yield return new ContextColumn { Field = field.Name, Values = ColumnOf(field, values!, $"{(own ? FeastErrors.ContextField : "entities")}.{field.Name}") };
        }
    }

    private static Column ColumnOf(FieldDefinition field, RepeatedValue values, string place)
    {
        var column = new Column();
        var nulls = new byte[(values.Val.Count + 7) / 8];
        for (int row = 0; row < values.Val.Count; row++)
        {
            if (FeastValues.Read(values.Val[row], field, out Value value) is { } refusal)
            {
                throw Refuse.Argument($"{place}[{row}]", refusal.Reason, refusal.Fix);
            }

            nulls[row >> 3] |= (byte)(value.IsNull ? 1 << (row & 7) : 0);
            Add(column, field.Type, value);
        }

        column.Nulls = UnsafeByteOperations.UnsafeWrap(nulls);
        return column;
    }

    /// <summary>A null entry holds any value: here zero, or no text.</summary>
    private static void Add(Column column, FieldType type, in Value value)
    {
        switch (type)
        {
            case FieldType.Int64:
                column.Int64S.Add(value.Int64);
                break;
            case FieldType.Double:
                column.Doubles.Add(value.Double);
                break;
            case FieldType.Bool:
                column.Bools.Add(value.Bool);
                break;
            case FieldType.Timestamp:
                column.TimestampsMicros.Add(value.Bits);
                break;
            default:
                column.Strings.Add(value.Text);
                break;
        }
    }
}
