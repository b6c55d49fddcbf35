using System.Globalization;

namespace OrleansFeatures.Domain.Events;

/// <summary>
/// One field of an event, or one scalar feature: null, int64, double, string, bool or timestamp. 24 bytes, no boxing.
/// </summary>
public readonly struct Value : IEquatable<Value>
{
    private readonly long _bits;
    private readonly string? _text;

    private Value(FieldType type, long bits, string? text)
    {
        Type = type;
        _bits = bits;
        _text = text;
    }

    public static Value Null => default;

    public FieldType Type { get; }

    public bool IsNull => Type == FieldType.Null;

    /// <summary>The eight bytes that a column stores: the integer, the double's bits, 0 or 1, microseconds.</summary>
    public long Bits => _bits;

    public long Int64 => _bits;

    public double Double => BitConverter.Int64BitsToDouble(_bits);

    public bool Bool => _bits != 0;

    public EventTime Time => new(_bits);

    public string Text => _text ?? "";

    public static Value Of(long value) => new(FieldType.Int64, value, null);

    public static Value Of(double value) => new(FieldType.Double, BitConverter.DoubleToInt64Bits(value), null);

    public static Value Of(bool value) => new(FieldType.Bool, value ? 1 : 0, null);

    public static Value Of(string value) => new(FieldType.String, 0, value);

    public static Value Of(EventTime value) => new(FieldType.Timestamp, value.Micros, null);

    /// <summary>The value whose column bytes are <paramref name="bits"/>; for every type but string.</summary>
    public static Value FromBits(FieldType type, long bits) => new(type, bits, null);

    public bool Equals(Value other) => Type == other.Type && _bits == other._bits && _text == other._text;

    public override bool Equals(object? obj) => obj is Value other && Equals(other);

    public override int GetHashCode() => (int)StableHash.Mix((ulong)_bits) ^ (int)Type ^ (_text is null ? 0 : string.GetHashCode(_text, StringComparison.Ordinal));

    public static bool operator ==(Value left, Value right) => left.Equals(right);

    public static bool operator !=(Value left, Value right) => !left.Equals(right);

    public override string ToString() => Type switch
    {
        FieldType.Int64 => _bits.ToString(CultureInfo.InvariantCulture),
        FieldType.Double => Double.ToString("R", CultureInfo.InvariantCulture),
        FieldType.String => Text,
        FieldType.Bool => Bool ? "true" : "false",
        FieldType.Timestamp => Time.ToString(),
        _ => "null",
    };
}
