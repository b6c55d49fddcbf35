using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Expressions;

/// <summary>
/// Three-valued logic: null is "unknown". A false operand decides an and, a true one an or, whatever the unknown ones are.
/// </summary>
internal static class Logic
{
    /// <summary>
    /// And (<paramref name="decisive"/> false) or or (true) of bools, left to right, stopping at the first that decides. The chain is
    /// halved down to pairs, so that two hundred alternatives are eight calls deep.
    /// </summary>
    public static BitsOf Chain(bool decisive, ReadOnlySpan<BitsOf> operands) => operands.Length switch
    {
        0 => (ReadOnlySpan<Value> _, out long result) => { result = decisive ? 0 : 1; return true; },
        1 => operands[0],
        _ => Pair(decisive ? 1 : 0, Chain(decisive, operands[..(operands.Length / 2)]), Chain(decisive, operands[(operands.Length / 2)..])),
    };

    private static BitsOf Pair(long decision, BitsOf left, BitsOf right) => (fields, out result) =>
    {
        bool leftKnown = left(fields, out result);
        if (leftKnown && result == decision)
        {
            return true;
        }

        bool rightKnown = right(fields, out result);
        return rightKnown && (leftKnown || result == decision);
    };

    public static BitsOf Not(BitsOf operand) => (fields, out result) =>
    {
        bool known = operand(fields, out long bits);
        result = 1 - bits;
        return known;
    };

    /// <summary>A null condition counts as false.</summary>
    public static Operand Choose(BitsOf condition, Operand then, Operand otherwise)
    {
        BitsOf thenBits = then.Bits;
        BitsOf elseBits = otherwise.Bits;
        TextOf thenText = then.Text;
        TextOf elseText = otherwise.Text;
        return new Operand(
            then.Kind,
            (fields, out result) => condition(fields, out long holds) && holds != 0 ? thenBits(fields, out result) : elseBits(fields, out result),
            fields => condition(fields, out long holds) && holds != 0 ? thenText(fields) : elseText(fields));
    }

    /// <summary>Whether the element is one of the constants; null for a null element.</summary>
    public static BitsOf IsOneOf(Operand element, IEnumerable<Operand> constants)
    {
        if (element.Kind == ExpressionKind.String)
        {
            var texts = constants.Select(constant => constant.Text([])).OfType<string>().ToHashSet(StringComparer.Ordinal);
            TextOf text = element.Text;
            return (fields, out result) =>
            {
                string? value = text(fields);
                result = value is not null && texts.Contains(value) ? 1 : 0;
                return value is not null;
            };
        }

        BitsOf bits = element.Bits;
        bool zeroIsSigned = element.Kind == ExpressionKind.Double;
        var set = new HashSet<long>();
        foreach (Operand constant in constants)
        {
            if (constant.Bits([], out long value))
            {
                set.Add(zeroIsSigned ? PositiveZero(value) : value);
            }
        }

        return (fields, out result) =>
        {
            bool known = bits(fields, out long value);
            result = known && set.Contains(zeroIsSigned ? PositiveZero(value) : value) ? 1 : 0;
            return known;
        };
    }

    /// <summary>-0.0 equals 0.0 but has other bytes.</summary>
    private static long PositiveZero(long doubleBits) => doubleBits == long.MinValue ? 0 : doubleBits;
}
