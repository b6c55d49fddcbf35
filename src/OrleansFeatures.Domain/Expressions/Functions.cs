using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Expressions;

/// <summary>The functions of the language. Each is null when an argument is null, except has().</summary>
internal static class Functions
{
    private static readonly ImmutableArray<string> Names =
        ["abs", "ceil", "contains", "duration", "endsWith", "floor", "has", "max", "min", "size", "startsWith", "timestamp"];

    public static Operand? Bind(CallSyntax call, Binder binder)
    {
        if (!Names.Contains(call.Function))
        {
            string suggestion = call.Function == "matches"
                ? "regular expressions are left out because their cost has no bound: use startsWith, endsWith or contains"
                : NameSuggestion.DidYouMean(call.Function, Names);
            return binder.Fail(call.Column, $"unknown function '{call.Function}'", suggestion);
        }

        // has() alone looks at a name, not at a value.
        if (call.Function == "has" && !(call.Arguments.Length == 1 && call.Arguments[0] is NameSyntax))
        {
            return binder.Fail(call.Column, "has() takes one field", "write has(amount)");
        }

        if (binder.BindAll(call.Arguments) is not { } arguments)
        {
            return null;
        }

        Operand? result = call.Function switch
        {
            "has" => Has(arguments[0]),
            "size" => Size(arguments),
            "startsWith" => Search(arguments, static (text, part) => text.StartsWith(part, StringComparison.Ordinal)),
            "endsWith" => Search(arguments, static (text, part) => text.EndsWith(part, StringComparison.Ordinal)),
            "contains" => Search(arguments, static (text, part) => text.Contains(part, StringComparison.Ordinal)),
            "min" => Extreme<LesserInt64, Lesser>(arguments),
            "max" => Extreme<GreaterInt64, Greater>(arguments),
            "abs" => Absolute(arguments),
            "floor" => Rounded(arguments, Math.Floor),
            "ceil" => Rounded(arguments, Math.Ceiling),
            "duration" => DurationLiteral(call, arguments),
            _ => TimestampLiteral(call, arguments),
        };
        string given = string.Join(", ", arguments.Select(argument => argument.TypeName));
        return result is null
            ? binder.Fail(call.Column, $"{call.Function}() cannot take ({given})", $"write {Usage(call.Function)}")
            : Binder.Fold(result, [.. arguments]);
    }

    private static string Usage(string function) => function switch
    {
        "size" => "size(text)",
        "startsWith" or "endsWith" or "contains" => $"text.{function}(\"part\")",
        "min" or "max" => $"{function}(x, y), with two or more numbers or times",
        "duration" => "duration(\"1h\"), a whole number and one of ms s m h d",
        "timestamp" => "timestamp(\"2018-04-01T00:00:00Z\"), RFC 3339 with a zone",
        _ => $"{function}(number)",
    };

    private static Operand Has(Operand field)
    {
        BitsOf bits = field.Bits;
        TextOf text = field.Text;
        return Operand.OfBits(ExpressionKind.Bool, field.Kind == ExpressionKind.String
            ? (fields, out result) => { result = text(fields) is null ? 0 : 1; return true; }
            : (fields, out result) => { result = bits(fields, out _) ? 1 : 0; return true; });
    }

    /// <summary>In Unicode code points, as CEL counts.</summary>
    private static Operand? Size(ImmutableArray<Operand> arguments)
    {
        if (arguments is not [{ Kind: ExpressionKind.String, Text: var text }])
        {
            return null;
        }

        return Operand.OfBits(ExpressionKind.Int64, (fields, out result) =>
        {
            string? value = text(fields);
            result = 0;
            for (int i = 0; i < value?.Length; i++)
            {
                result += i > 0 && char.IsSurrogatePair(value[i - 1], value[i]) ? 0 : 1;
            }

            return value is not null;
        });
    }

    private static Operand? Search(ImmutableArray<Operand> arguments, Func<string, string, bool> found)
    {
        if (arguments is not [{ Kind: ExpressionKind.String, Text: var text }, { Kind: ExpressionKind.String, Text: var part }])
        {
            return null;
        }

        return Operand.OfBits(ExpressionKind.Bool, (fields, out result) =>
        {
            string? value = text(fields);
            string? sought = value is null ? null : part(fields);
            result = sought is not null && found(value!, sought) ? 1 : 0;
            return sought is not null;
        });
    }

    private static Operand? Extreme<TInteger, TDouble>(ImmutableArray<Operand> arguments)
        where TInteger : struct, IBinaryOperation
        where TDouble : struct, IFormula
    {
        if (arguments.Length < 2)
        {
            return null;
        }

        bool anyDouble = arguments.All(argument => argument.IsNumber) && arguments.Any(argument => argument.Kind == ExpressionKind.Double);
        ExpressionKind kind = anyDouble ? ExpressionKind.Double : arguments[0].Kind;
        bool comparable = kind is ExpressionKind.Int64 or ExpressionKind.Double or ExpressionKind.Timestamp or ExpressionKind.Duration;
        if (!comparable || !arguments.All(argument => anyDouble || argument.Kind == kind))
        {
            return null;
        }

        return Halves(arguments.AsSpan());

        // Halved, not chained: a hundred arguments are seven calls deep.
        Operand Halves(ReadOnlySpan<Operand> some)
        {
            if (some.Length == 1)
            {
                return anyDouble ? some[0].AsDouble() : some[0];
            }

            Operand left = Halves(some[..(some.Length / 2)]);
            Operand right = Halves(some[(some.Length / 2)..]);
            return Operand.OfBits(kind, anyDouble ? Binary.Of<OnDoubles<TDouble>>(left, right) : Binary.Of<TInteger>(left, right));
        }
    }

    private static Operand? Absolute(ImmutableArray<Operand> arguments)
    {
        if (arguments is not [{ IsNumber: true, Bits: var bits, Kind: var kind }])
        {
            return null;
        }

        if (kind == ExpressionKind.Double)
        {
            return Rounded(arguments, Math.Abs);
        }

        return Operand.OfBits(ExpressionKind.Int64, (fields, out result) =>
        {
            bool known = bits(fields, out long value) && value != long.MinValue;
            result = known ? Math.Abs(value) : 0;
            return known;
        });
    }

    /// <summary>An integer is its own floor.</summary>
    private static Operand? Rounded(ImmutableArray<Operand> arguments, Func<double, double> formula)
    {
        if (arguments is not [{ IsNumber: true, Bits: var bits, Kind: var kind }])
        {
            return null;
        }

        return kind == ExpressionKind.Int64 ? arguments[0] : Operand.OfBits(ExpressionKind.Double, (fields, out result) =>
        {
            bool known = bits(fields, out long value);
            result = BitConverter.DoubleToInt64Bits(formula(BitConverter.Int64BitsToDouble(value)));
            return known;
        });
    }

    private static Operand? DurationLiteral(CallSyntax call, ImmutableArray<Operand> arguments) =>
        LiteralText(call, arguments) is { } text && Duration.TryParse(text, out Duration duration)
            ? Operand.Constant(ExpressionKind.Duration, duration.Micros)
            : null;

    private static Operand? TimestampLiteral(CallSyntax call, ImmutableArray<Operand> arguments) =>
        LiteralText(call, arguments) is { } text && EventTime.TryParse(text, out EventTime time)
            ? Operand.Constant(ExpressionKind.Timestamp, time.Micros)
            : null;

    private static string? LiteralText(CallSyntax call, ImmutableArray<Operand> arguments) =>
        arguments.Length == 1 && call.Arguments[0] is LiteralSyntax { Value.Type: FieldType.String } literal ? literal.Value.Text : null;
}
