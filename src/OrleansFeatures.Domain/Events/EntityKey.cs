using System.Buffers.Binary;
using System.Text;
using OrleansFeatures.Domain.Definitions;

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

    /// <summary>
    /// Writes a whole key. <paramref name="newestFields"/> are by position of the stream's newest version. Zero bytes when a field of the key is null: an older schema
    /// version may lack the key of an entity type that came later, and its events concern no entity of it.
    /// </summary>
    public static int Write(Span<byte> destination, StreamFeed feed, ReadOnlySpan<Value> newestFields)
    {
        int length = 0;
        foreach (int position in feed.KeyPositions)
        {
            if (newestFields[position].IsNull)
            {
                return 0;
            }

            length += Append(destination[length..], newestFields[position]);
        }

        return length;
    }

    /// <summary>The fields of a key, as they were written.</summary>
    /// <exception cref="InvariantException">The bytes are not a key.</exception>
    public static Value[] Read(ReadOnlySpan<byte> key)
    {
        var fields = new List<Value>();
        while (!key.IsEmpty)
        {
            if (key[0] == (byte)'i' && key.Length > sizeof(long))
            {
                fields.Add(Value.Of(BinaryPrimitives.ReadInt64BigEndian(key[1..])));
                key = key[(1 + sizeof(long))..];
                continue;
            }

            int length = key[0] == (byte)'s' && key.Length >= 3 ? BinaryPrimitives.ReadUInt16BigEndian(key[1..]) : int.MaxValue;
            InvariantException.Require(length <= key.Length - 3, "the bytes are not an entity's key");
            fields.Add(Value.Of(Encoding.UTF8.GetString(key.Slice(3, length))));
            key = key[(3 + length)..];
        }

        return [.. fields];
    }
}
