using System.Globalization;

namespace OrleansFeatures.Domain.Tests.Expressions;

/// <summary>
/// The definition of correct: a random expression as text together with its value, computed while it is written, over boxed values with
/// null as null. Slow and plain on purpose; it shares nothing with the compiler.
/// </summary>
internal sealed class RandomExpression(Random random, object?[] fields, string[] intNames, string[] doubleNames, string[] boolNames, string[] textNames, Func<string, int> position)
{
    private static readonly string[] Words = ["", "a", "ab", "b", "CHF", "é"];

    public (string Text, object? Value) Bool(int depth)
    {
        switch (random.Next(depth <= 0 ? 2 : 8))
        {
            case 0:
                return Field(boolNames);
            case 1:
                bool literal = random.Next(2) == 0;
                return (literal ? "true" : "false", literal);
            case 2:
                var (inner, value) = Bool(depth - 1);
                return ($"!({inner})", value is bool b ? !b : null);
            case 3:
                return Connected(depth);
            case 4:
                return Conditional(depth, Bool);
            case 5:
                return Compared(Text(), Text(), (l, r) => string.CompareOrdinal((string)l, (string)r));
            case 6:
                var (word, text) = Text();
                var (part, sought) = Text();
                return ($"{word}.contains({part})", text is null || sought is null ? null : ((string)text).Contains((string)sought, StringComparison.Ordinal));
            default:
                return random.Next(2) == 0
                    ? Compared(Int(depth - 1), Int(depth - 1), (l, r) => ((long)l).CompareTo((long)r))
                    : Compared(random.Next(2) == 0 ? Int(depth - 1) : Double(depth - 1), Double(depth - 1), (l, r) => ToDouble(l).CompareTo(ToDouble(r)));
        }
    }

    public (string Text, object? Value) Int(int depth)
    {
        if (depth <= 0 || random.Next(4) == 0)
        {
            long[] interesting = [0, 1, -1, 2, 7, 1_000_000_007, long.MaxValue, long.MinValue];
            long literal = interesting[random.Next(interesting.Length)];
            return random.Next(2) == 0 ? Field(intNames) : (literal.ToString(CultureInfo.InvariantCulture), literal);
        }

        if (random.Next(6) == 0)
        {
            return Conditional(depth, Int);
        }

        char symbol = "+-*/%"[random.Next(5)];
        var (left, l) = Int(depth - 1);
        var (right, r) = Int(depth - 1);
        return ($"({left} {symbol} {right})", l is null || r is null ? null : Exact(symbol, (long)l, (long)r));
    }

    public (string Text, object? Value) Double(int depth)
    {
        if (depth <= 0 || random.Next(4) == 0)
        {
            double[] interesting = [0, 1, -1, 0.5, 12.25, 1e300, -1e-300];
            double literal = interesting[random.Next(interesting.Length)];
            return random.Next(2) == 0 ? Field(doubleNames) : (literal.ToString("0.0##############################E+0", CultureInfo.InvariantCulture), literal);
        }

        char symbol = "+-*/"[random.Next(4)];
        var (left, l) = random.Next(3) == 0 ? Int(depth - 1) : Double(depth - 1);
        var (right, r) = Double(depth - 1);
        return ($"({left} {symbol} {right})", l is null || r is null ? null : Finite(symbol switch
        {
            '+' => ToDouble(l) + ToDouble(r),
            '-' => ToDouble(l) - ToDouble(r),
            '*' => ToDouble(l) * ToDouble(r),
            _ => ToDouble(l) / ToDouble(r),
        }));
    }

    private (string Text, object? Value) Text()
    {
        string literal = Words[random.Next(Words.Length)];
        return random.Next(2) == 0 ? Field(textNames) : ($"'{literal}'", literal);
    }

    private (string Text, object? Value) Field(string[] names)
    {
        string name = names[random.Next(names.Length)];
        return (name, fields[position(name)]);
    }

    private (string Text, object? Value) Connected(int depth)
    {
        bool isAnd = random.Next(2) == 0;
        var parts = Enumerable.Range(0, random.Next(2, 4)).Select(_ => Bool(depth - 1)).ToArray();
        object? value = parts.Any(part => part.Value is bool b && b != isAnd) ? !isAnd : parts.Any(part => part.Value is null) ? null : isAnd;
        return (string.Join(isAnd ? " && " : " || ", parts.Select(part => $"({part.Text})")), value);
    }

    private (string Text, object? Value) Conditional(int depth, Func<int, (string Text, object? Value)> branch)
    {
        var (test, holds) = Bool(depth - 1);
        var (then, thenValue) = branch(depth - 1);
        var (otherwise, elseValue) = branch(depth - 1);
        return ($"({test} ? {then} : {otherwise})", holds is true ? thenValue : elseValue);
    }

    private (string Text, object? Value) Compared((string Text, object? Value) left, (string Text, object? Value) right, Func<object, object, int> order)
    {
        string symbol = ((string[])["<", "<=", ">", ">=", "==", "!="])[random.Next(6)];
        string text = $"{left.Text} {symbol} {right.Text}";
        if (left.Value is null || right.Value is null)
        {
            return ($"({text})", null);
        }

        int sign = order(left.Value, right.Value);
        return ($"({text})", symbol switch { "<" => sign < 0, "<=" => sign <= 0, ">" => sign > 0, ">=" => sign >= 0, "==" => sign == 0, _ => sign != 0 });
    }

    private static double ToDouble(object number) => number is long integer ? integer : (double)number;

    private static object? Finite(double value) => double.IsFinite(value) ? value : null;

    private static object? Exact(char symbol, Int128 left, Int128 right)
    {
        if (right == 0 && symbol is '/' or '%' && right == 0)
        {
            return null;
        }

        Int128 value = symbol switch { '+' => left + right, '-' => left - right, '*' => left * right, '/' => left / right, _ => left % right };
        return value >= long.MinValue && value <= long.MaxValue ? (long)value : null;
    }
}
