using Google.Protobuf;
using OrleansFeatures.V1;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Server.Files;

/// <summary>Values of one field of the request, gathered row by row from text, in the field's type.</summary>
internal sealed class ContextCells(Field field)
{
    private readonly ContextColumn _column = new() { Field = field.Name, Values = new Column() };
    private readonly List<byte> _nulls = [];
    private int _count;

    /// <summary>No value here. A null entry holds any value.</summary>
    public void AddNull()
    {
        while (_nulls.Count <= _count >> 3)
        {
            _nulls.Add(0);
        }

        _nulls[_count >> 3] |= (byte)(1 << (_count & 7));
        Append(Value.Null);
    }

    /// <summary>False when the text is not of the field's type.</summary>
    public bool TryAdd(ReadOnlySpan<byte> cell)
    {
        bool isGood = CellText.TryRead((Domain.Events.FieldType)field.Type, cell, out Value value);
        Append(value);
        return isGood;
    }

    /// <summary>All of them.</summary>
    public ContextColumn ToColumn()
    {
        if (_nulls.Count > 0)
        {
            _column.Values.Nulls = ByteString.CopyFrom([.. _nulls, .. new byte[((_count + 7) / 8) - _nulls.Count]]);
        }

        return _column;
    }

    private void Append(in Value value)
    {
        _count++;
        Column values = _column.Values;
        switch (field.Type)
        {
            case FieldType.Int64: values.Int64S.Add(value.Int64); break;
            case FieldType.Double: values.Doubles.Add(value.Double); break;
            case FieldType.Bool: values.Bools.Add(value.Bool); break;
            case FieldType.Timestamp: values.TimestampsMicros.Add(value.Bits); break;
            default: values.Strings.Add(value.Text); break;
        }
    }
}
