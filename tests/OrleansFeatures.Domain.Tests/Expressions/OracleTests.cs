using System.Text;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Domain.Tests.Expressions;

public sealed class OracleTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(20_260_731)]
    [InlineData(77)]
    public void Every_random_expression_has_the_value_of_the_naive_interpreter(int seed)
    {
        var random = new Random(seed);
        int nulls = 0;
        int known = 0;
        for (int i = 0; i < 5_000; i++)
        {
            object?[] boxed = [Pick(random, 12.5, 0.0, -3.25, null), Pick(random, 7L, 0L, long.MaxValue, null), Pick(random, "CHF", "", "ab", null), Pick(random, true, false, null), null, null, null, Pick(random, 100.0, null)];
            Value[] fields = [.. boxed.Select(ToValue)];
            var generator = new RandomExpression(random, boxed, ["count"], ["amount", "none", "request.amount"], ["fraud"], ["currency", "nothing"], name => Sample.Scope.TryFind(name, out int at) ? at : throw new InvalidOperationException(name));
            (string text, object? expected) = random.Next(3) switch { 0 => generator.Int(5), 1 => generator.Double(5), _ => generator.Bool(5) };
            if (text.Length > Limits.ExpressionLengthMax)
            {
                continue;
            }

            CompiledExpression? compiled = CompiledExpression.Compile(text, Sample.Scope, out ExpressionError? error);
            error.ShouldBeNull($"seed {seed}, expression {i}: {text}");
            Value actual = compiled!.Evaluate(fields);
            (actual == ToValue(expected) || (expected is 0.0 && actual.Double == 0)).ShouldBeTrue($"seed {seed}, expression {i}: {text} gave {actual}, not {ToValue(expected)}");
            compiled.Matches(fields).ShouldBe(expected is true, $"seed {seed}, expression {i}: {text}");
            nulls += expected is null ? 1 : 0;
            known += expected is null ? 0 : 1;
        }

        nulls.ShouldBeGreaterThan(500);
        known.ShouldBeGreaterThan(1_000);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Mutated_expressions_never_throw_and_every_refusal_has_a_place_and_a_suggestion(int seed)
    {
        const string alphabet = "amount count<>=!&|+-*/%()[],.?:'\"\\0x9eE_ r\u00e9\u0000\ud800in";
        string[] starts =
        [
            "amount > 0 && currency.startsWith(\"CH\\x41\")", "count in [1, 2, 3] ? request.amount / 2.5e3 : -amount",
            "tx_time - timestamp('2018-04-01T00:00:00Z') > duration('1h')", "min(count, 0x1F, 3) % 2 == 1 || !has(none)",
        ];
        var random = new Random(seed);
        int compiledCount = 0;
        for (int i = 0; i < 20_000; i++)
        {
            var text = new StringBuilder(starts[random.Next(starts.Length)]);
            for (int edits = random.Next(1, 5); edits > 0; edits--)
            {
                int at = random.Next(text.Length);
                char letter = alphabet[random.Next(alphabet.Length)];
                _ = random.Next(3) switch { 0 => text.Insert(at, letter), 1 => text.Remove(at, Math.Min(random.Next(1, 4), text.Length - at)), _ => text.Replace(text[at], letter, at, 1) };
                text.Append(text.Length == 0 ? "1" : "");
            }

            string mutated = text.ToString();
            CompiledExpression? compiled = CompiledExpression.Compile(mutated, Sample.Scope, out ExpressionError? error);
            (compiled is null).ShouldBe(error is not null, $"seed {seed}: {mutated}");
            if (error is not null)
            {
                error.Column.ShouldBeInRange(1, mutated.Length + 1, $"seed {seed}: {mutated}");
                error.Suggestion.ShouldNotBeNullOrWhiteSpace($"seed {seed}: {mutated}");
            }
            else
            {
                compiled!.Evaluate(Sample.Event).ToString().ShouldNotBeNull($"seed {seed}: {mutated}");
                compiledCount++;
            }
        }

        compiledCount.ShouldBeGreaterThan(100);
    }

    private static object? Pick(Random random, params object?[] choices) => choices[random.Next(choices.Length)];

    private static Value ToValue(object? boxed) => boxed switch
    {
        null => Value.Null,
        long integer => Value.Of(integer),
        double number => Value.Of(number),
        bool flag => Value.Of(flag),
        _ => Value.Of((string)boxed),
    };
}
