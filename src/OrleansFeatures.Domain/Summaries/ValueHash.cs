using System.Text;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>The hash under which sketches know a value: of a number by its bits, of a text by its UTF-8 bytes. The same on every machine and in every version.</summary>
internal static class ValueHash
{
    /// <summary>Texts of at most a third as many characters are encoded on the stack.</summary>
    private const int StackBytes = 384;

    public static ulong Of(Value value)
    {
        if (value.Type != FieldType.String)
        {
            return StableHash.Mix((ulong)Canonical(value).Bits);
        }

        string text = value.Text;
        if (Encoding.UTF8.GetMaxByteCount(text.Length) > StackBytes)
        {
            return StableHash.Of(text);
        }

        Span<byte> bytes = stackalloc byte[StackBytes];
        return StableHash.Of(bytes[..Encoding.UTF8.GetBytes(text, bytes)]);
    }

    /// <summary>Zero and negative zero are one value.</summary>
    public static Value Canonical(Value value) => value.Type == FieldType.Double && value.Double == 0 ? Value.Of(0.0) : value;
}
