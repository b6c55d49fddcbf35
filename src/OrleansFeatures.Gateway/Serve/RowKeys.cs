using System.Globalization;
using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>
/// The key columns of a request, matched with the key fields of a selection, and written as entity keys. Every key field of every entity type
/// must be there, with one value per row. Text is taken for an int64 field when it is a whole decimal number.
/// </summary>
internal sealed class RowKeys
{
    private readonly Selection _selection;

    /// <summary>By key field of the selection. There are one or two, so a walk finds one sooner than a table would.</summary>
    private readonly KeyColumn?[] _columns;

    /// <exception cref="RequestRefusedException">A key field is missing, unknown, twice, or of another length than the others.</exception>
    public RowKeys(Selection selection, IEnumerable<KeyColumn> keys)
    {
        _selection = selection;
        _columns = new KeyColumn?[selection.KeyFields.Length];
        foreach (KeyColumn column in keys)
        {
            Add(column);
        }

        int missing = Array.IndexOf(_columns, null);
        if (missing >= 0)
        {
            string field = selection.KeyFields[missing].Name;
            throw Refuse.Argument($"keys.{field}", $"{selection.Name} needs the key field '{field}'", $"give one column for each of {string.Join(", ", selection.KeyFields.Select(key => key.Name))}");
        }
    }

    /// <summary>Rows that the columns give; null when the selection has no key fields, so that any number of rows is alike.</summary>
    public int? Rows { get; private set; }

    /// <summary>Writes the keys of all rows into <paramref name="keys"/>, row-major by entity type of the selection.</summary>
    /// <exception cref="RequestRefusedException">A value cannot be a key; the message names row and field.</exception>
    public void Encode(Span<ReadOnlyMemory<byte>> keys, int firstRow)
    {
        int entities = _selection.Entities.Length;
        int rows = keys.Length / Math.Max(1, entities);
        for (int entity = 0; entity < entities; entity++)
        {
            EncodeEntity(_selection.Entities[entity].Entity, keys, entity, rows, firstRow);
        }
    }

    private void EncodeEntity(EntityPlan plan, Span<ReadOnlyMemory<byte>> keys, int entity, int rows, int firstRow)
    {
        var columns = new KeyColumn[plan.Key.Length];
        for (int index = 0; index < columns.Length; index++)
        {
            columns[index] = _columns[IndexOf(plan.Key[index].Name)]!;
        }

        Span<byte> key = stackalloc byte[EntityKeyEncoding.BytesMax];
        Memory<byte> room = default;
        for (int row = 0; row < rows; row++)
        {
            int length = 0;
            for (int index = 0; index < columns.Length; index++)
            {
                length += EntityKeyEncoding.Append(key[length..], ValueOf(columns[index], plan.Key[index], row, firstRow));
            }

            if (room.Length < length)
            {
                // Most keys are as long as the first, so their rows share an array.
                room = new byte[Math.Max(length, (int)Math.Min((rows - row) * (long)length, Limits.KeyRoomBytesMax))];
            }

            key[..length].CopyTo(room.Span);
            keys[(row * _selection.Entities.Length) + entity] = room[..length];
            room = room[length..];
        }
    }

    /// <summary>The key field of that name; -1 where the selection has none.</summary>
    private int IndexOf(string field)
    {
        for (int index = 0; index < _columns.Length; index++)
        {
            if (_selection.KeyFields[index].Name == field)
            {
                return index;
            }
        }

        return -1;
    }

    private void Add(KeyColumn column)
    {
        int index = IndexOf(column.Field);
        if (index < 0)
        {
            throw Refuse.Argument($"keys.{column.Field}", $"'{column.Field}' is not a key field of {_selection.Name}", NameSuggestion.DidYouMean(column.Field, _selection.KeyFields.Select(field => field.Name)));
        }

        if (column.Strings.Count > 0 && column.Int64S.Count > 0)
        {
            throw Refuse.Argument($"keys.{column.Field}", "both `strings` and `int64s` are filled", "fill one of them");
        }

        if (_columns[index] is not null)
        {
            throw Refuse.Argument($"keys.{column.Field}", "the field is given twice", "give each key field once");
        }

        _columns[index] = column;
        int rows = column.Strings.Count + column.Int64S.Count;
        Rows ??= rows;
        if (Rows != rows)
        {
            throw Refuse.Argument($"keys.{column.Field}", $"{rows} values where another key field has {Rows}", "give every key field one value per row");
        }
    }

    private static Value ValueOf(KeyColumn column, FieldDefinition field, int row, int firstRow)
    {
        if (column.Int64S.Count > 0)
        {
            return field.Type == FieldType.Int64
                ? Value.Of(column.Int64S[row])
                : throw Refuse.Argument($"keys.{field.Name}", $"row {firstRow + row}: an int64 for a string key field", "fill `strings`");
        }

        string text = column.Strings[row];
        if (field.Type == FieldType.Int64)
        {
            return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
                ? Value.Of(number)
                : throw Refuse.Argument($"keys.{field.Name}", $"row {firstRow + row}: '{text}' is not an int64", "send a whole decimal number");
        }

        int length = Encoding.UTF8.GetByteCount(text);
        return length is > 0 and <= Domain.Limits.KeyBytesMax
            ? Value.Of(text)
            : throw Refuse.Argument($"keys.{field.Name}", $"row {firstRow + row}: a key of {length} bytes", $"send 1 to {Domain.Limits.KeyBytesMax} bytes");
    }
}
