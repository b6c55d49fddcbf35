using System.Buffers.Binary;
using System.Text;

namespace OrleansFeatures.Domain.Events;

/// <summary>
/// Writes entity keys as bytes: the form in which they are hashed, stored and compared. Each key field in turn: an int64 as <c>'i'</c> and
/// eight bytes big-endian, a string as <c>'s'</c>, its length in two bytes big-endian, its UTF-8. Distinct keys give distinct bytes.
/// </summary>
public static class EntityKeyEncoding
{
    /// <summary>The longest key: every field a string at its limit.</summary>
    public const int BytesMax = Limits.KeyFieldsMax * (3 + Limits.KeyBytesMax);

    /// <summary>Appends one key field and returns how many bytes it took. The caller has checked that it is an int64 or a string within its limit.</summary>
    public static int Append(Span<byte> destination, in Value field)
    {
        if (field.Type == FieldType.Int64)
        {
            destination[0] = (byte)'i';
            BinaryPrimitives.WriteInt64BigEndian(destination[1..], field.Int64);
            return 1 + sizeof(long);
        }

        InvariantException.Require(field.Type == FieldType.String, $"a key field cannot be {field.Type}");
        destination[0] = (byte)'s';
        int length = Encoding.UTF8.GetBytes(field.Text, destination[3..]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], (ushort)length);
        return 3 + length;
    }
}
