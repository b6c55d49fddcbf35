using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;
using OrleansFeatures.Fuzzing.Engine;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Expressions of definitions: compiled or refused with a column and advice; evaluated without an exception, to the declared type or null, and the same inside parentheses.</summary>
internal sealed class ExpressionTarget : FuzzTarget
{
    private static readonly FieldDefinition[] Fields =
    [
        new("amount", FieldType.Double), new("count", FieldType.Int64), new("currency", FieldType.String), new("fraud", FieldType.Bool), new("at", FieldType.Timestamp), new("none", FieldType.Double), new("nothing", FieldType.String),
        new("request.amount", FieldType.Double),
    ];

    private static readonly Value[][] Events =
    [
        [Value.Of(12.5), Value.Of(7L), Value.Of("CHF\u00e9\U0001F600"), Value.Of(true), Value.Of(new EventTime(1_522_540_800_000_000)), Value.Null, Value.Null, Value.Of(100.0)],
        [Value.Of(-0.0), Value.Of(long.MinValue), Value.Of(""), Value.Of(false), Value.Of(new EventTime(0)), Value.Of(double.MaxValue), Value.Of("x"), Value.Null],
        [Value.Of(double.Epsilon), Value.Of(long.MaxValue), Value.Of("\0'\\\n"), Value.Null, Value.Of(new EventTime(long.MaxValue)), Value.Of(-1e300), Value.Of(new string('y', 100)), Value.Of(-5.0)],
        [Value.Null, Value.Null, Value.Null, Value.Null, Value.Null, Value.Null, Value.Null, Value.Null],
    ];

    private readonly ExpressionScope _scope = new(Fields);

    public override string Name => "expression";

    public override IReadOnlyList<byte[]> Tokens { get; } = Words(
        "(", ")", "[", "]", ",", ".", "?", ":", "!", "-", "+", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "&&", "||", " in ", "true", "false", "null", "'", "\"", "\\", "\\u00e9", "\\n", "r'", "1", "1.0", "1e300", "0x1F", "1u",
        "9223372036854775807", "amount", "count", "currency", "fraud", "at", "none", "nothing", "request.amount", "has(", "size(", "abs(", ".contains(", ".startsWith(", ".endsWith(", "lower(", "upper(", "min(", "max(", "int(", "double(", "string(", "duration('1h')",
        "timestamp('2018-04-01T00:00:00Z')", ".hour()", "//", "\uFEFF", "\U0001F600");

    public override int InputBytesMax => 5_000;

    /// <summary>Every element of a list is a token, a node and an operand, twice: the expression is compiled in parentheses too.</summary>
    public override long AllocationMax(int length) => Limits.AllocationBase + (length * 2_000L);

    public override IEnumerable<byte[]> Seeds() => new[]
    {
        "amount > 10.0 && currency == 'CHF'", "count % 2 == 1 || !fraud", "has(none) ? none : amount * 2.0 + 1.0", "currency in ['CHF', 'EUR', \"U'SD\"]", "-count / 3 * (count - 1)", "currency.contains('H') && size(currency) < 5",
        "request.amount / amount >= 1e-3", "at > timestamp('2018-04-01T00:00:00Z')", "(((((count)))))", "fraud", "nothing == null", "'a\\u00e9\\n' != currency", "count in [1, 2, 3] && amount in [1.0, 12.5]", "abs(amount) > 1.0", "lower(currency) == 'chf'",
    }.Select(Encoding.UTF8.GetBytes);

    public override Verdict Run(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        if (CompiledExpression.Compile(text, _scope, out ExpressionError? error) is not { } compiled)
        {
            WrongAnswerException.Unless(error is not null && error.Message.Length > 0 && error.Suggestion.Length > 0 && error.Column >= 1 && error.Column <= text.Length + 1, $"an error without place or help: {error}");
            return Verdict.Refuse(error!.Message);
        }

        WrongAnswerException.Unless(error is null, "an expression that compiles has an error");
        CompiledExpression? again = CompiledExpression.Compile($"({text}\n)", _scope, out ExpressionError? inner);
        bool mayDiffer = text.Contains("//", StringComparison.Ordinal) || text.Length > Domain.Limits.ExpressionLengthMax - 3 || inner?.Message.Contains("deep", StringComparison.Ordinal) == true;
        WrongAnswerException.Unless(again is not null || mayDiffer, $"'{text}' compiles, and not in parentheses: {inner}");
        var kinds = new StringBuilder();
        foreach (Value[] fields in Events)
        {
            Value value = compiled.Evaluate(fields);
            WrongAnswerException.Unless(value.IsNull || value.Type == compiled.ResultType, $"'{text}' is declared {compiled.ResultType} and gave {value.Type}");
            WrongAnswerException.Unless(value.Type != FieldType.Double || double.IsFinite(value.Double), $"'{text}' gave {value}");
            WrongAnswerException.Unless(again is null || again.Evaluate(fields) == value, $"'{text}' is {value}, and {again?.Evaluate(fields)} in parentheses");
            WrongAnswerException.Unless(compiled.Matches(fields) == (value == Value.Of(true)), $"'{text}' is {value} and does not match so");
            kinds.Append(value.IsNull ? '-' : '+');
        }

        return Verdict.Accept($"{compiled.ResultType} {kinds} {compiled.FieldsUsed.Length} {Math.Min(text.Length / 20, 9)}");
    }
}
