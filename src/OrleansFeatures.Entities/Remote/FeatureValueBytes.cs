using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Entities.Remote;

/// <summary>
/// One feature of one entity as bytes:
/// <code>
///   [ status : 1 ][ shape : 1 ]  0: null     1: [ value ]     2: [ count : 4 ]{ value }
///   value: [ type : 1 ]  null: nothing     string: [ 4 + text ]     any other: [ the eight bytes of its column ]
/// </code>
/// Doubles keep every bit, NaN included.
/// </summary>
internal static class FeatureValueBytes
{
    private const byte Nothing = 0;
    private const byte Scalar = 1;
    private const byte List = 2;

    public static void Write(StateWriter to, in FeatureValue value)
    {
        to.Byte((byte)value.Status);
        if (value.List is { } list)
        {
            to.Byte(List);
            to.Int32(list.Length);
            foreach (Value element in list)
            {
                Write(to, element);
            }
        }
        else if (value.Scalar.IsNull)
        {
            to.Byte(Nothing);
        }
        else
        {
            to.Byte(Scalar);
            Write(to, value.Scalar);
        }
    }

    /// <exception cref="StateFormatException">The bytes are wrong.</exception>
    public static FeatureValue Read(ref StateReader from)
    {
        var status = (FeatureStatus)from.Byte();
        if (status > FeatureStatus.OutsideRetention)
        {
            throw new StateFormatException($"a feature's status is {(byte)status}");
        }

        return from.Byte() switch
        {
            Nothing => new FeatureValue(status, Value.Null, null),
            Scalar => new FeatureValue(status, ReadValue(ref from), null),
            List => new FeatureValue(status, Value.Null, ReadList(ref from)),
            byte shape => throw new StateFormatException($"a feature's shape is {shape}"),
        };
    }

    private static void Write(StateWriter to, in Value value)
    {
        to.Byte((byte)value.Type);
        switch (value.Type)
        {
            case FieldType.Null:
                break;
            case FieldType.String:
                to.Text(value.Text);
                break;
            default:
                to.Int64(value.Bits);
                break;
        }
    }

    private static Value ReadValue(ref StateReader from)
    {
        var type = (FieldType)from.Byte();
        return type switch
        {
            FieldType.Null => Value.Null,
            FieldType.String => Value.Of(from.Text()),
            FieldType.Int64 or FieldType.Double or FieldType.Bool or FieldType.Timestamp => Value.FromBits(type, from.Int64()),
            _ => throw new StateFormatException($"a value's type is {(byte)type}"),
        };
    }

    private static Value[] ReadList(ref StateReader from)
    {
        var list = new Value[from.Count(bytesEach: 1)];
        for (int index = 0; index < list.Length; index++)
        {
            list[index] = ReadValue(ref from);
        }

        return list;
    }
}
