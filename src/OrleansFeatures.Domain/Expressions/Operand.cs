using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Expressions;

/// <summary>The types inside an expression: a field's types, and the durations that lie between timestamps.</summary>
internal enum ExpressionKind : byte
{
    Null = FieldType.Null,
    Int64 = FieldType.Int64,
    Double = FieldType.Double,
    String = FieldType.String,
    Bool = FieldType.Bool,
    Timestamp = FieldType.Timestamp,
    Duration,
}

/// <summary>Computes the eight bytes of a number, bool, time or duration; false means null.</summary>
internal delegate bool BitsOf(ReadOnlySpan<Value> fields, out long bits);

/// <summary>Computes a string; null means null.</summary>
internal delegate string? TextOf(ReadOnlySpan<Value> fields);

/// <summary>
/// A piece of a compiled expression: its type and the closure that computes it. Strings have <see cref="Text"/>, all other
/// types <see cref="Bits"/>, so that numbers are never boxed or wrapped on their way.
/// </summary>
internal sealed record Operand(ExpressionKind Kind, BitsOf Bits, TextOf Text)
{
    /// <summary>The same whatever the fields are.</summary>
    public bool IsConstant { get; init; }

    /// <summary>Just this field, as it is; -1 for anything computed.</summary>
    public int Field { get; init; } = -1;

    public bool IsNumber => Kind is ExpressionKind.Int64 or ExpressionKind.Double;

    public string TypeName => Kind == ExpressionKind.Duration ? "duration" : ((FieldType)Kind).Name();

    public static Operand Null { get; } = new(ExpressionKind.Null, NoBits, NoText) { IsConstant = true };

    public static Operand OfBits(ExpressionKind kind, BitsOf bits) => new(kind, bits, NoText);

    public static Operand Constant(ExpressionKind kind, long constant) =>
        new(kind, (_, out bits) => { bits = constant; return true; }, NoText) { IsConstant = true };

    public static Operand Constant(string text) => new(ExpressionKind.String, NoBits, _ => text) { IsConstant = true };

    public static Operand Constant(Value value) => value.Type switch
    {
        FieldType.Null => Null,
        FieldType.String => Constant(value.Text),
        _ => Constant((ExpressionKind)value.Type, value.Bits),
    };

    /// <summary>A value of another type than declared reads as null, not as the wrong type's bytes.</summary>
    public static Operand OfField(int position, FieldType type)
    {
        if (type == FieldType.String)
        {
            return new Operand(ExpressionKind.String, NoBits, fields => fields[position].Type == FieldType.String ? fields[position].Text : null) { Field = position };
        }

        return OfBits((ExpressionKind)type, (fields, out bits) =>
        {
            ref readonly Value value = ref fields[position];
            bits = value.Bits;
            return value.Type == type;
        }) with { Field = position };
    }

    /// <summary>Computed once now instead of at every event.</summary>
    public Operand Folded()
    {
        if (Kind == ExpressionKind.String)
        {
            return Text([]) is { } text ? Constant(text) : this with { IsConstant = true };
        }

        return Bits([], out long bits) ? Constant(Kind, bits) : this with { IsConstant = true };
    }

    /// <summary>An int64 as the double nearest to it; a double as it is.</summary>
    public Operand AsDouble()
    {
        if (Kind != ExpressionKind.Int64)
        {
            return this;
        }

        BitsOf source = Bits;
        Operand converted = OfBits(ExpressionKind.Double, (fields, out bits) =>
        {
            bool known = source(fields, out long integer);
            bits = BitConverter.DoubleToInt64Bits(integer);
            return known;
        });
        return IsConstant ? converted.Folded() : converted;
    }

    /// <summary>The null literal takes the type of its other branch.</summary>
    public Operand As(ExpressionKind kind) => Kind == ExpressionKind.Null ? this with { Kind = kind } : this;

    private static bool NoBits(ReadOnlySpan<Value> fields, out long bits)
    {
        bits = 0;
        return false;
    }

    private static string? NoText(ReadOnlySpan<Value> fields) => null;
}
