using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Domain.Tests.Expressions;

public sealed class EvaluationTests
{
    [Theory]
    [InlineData("1 + 2 * 3", "int64 7")]
    [InlineData("(1 + 2) * 3", "int64 9")]
    [InlineData("10 - 2 - 3", "int64 5")]
    [InlineData("7 / 2", "int64 3")]
    [InlineData("-7 / 2", "int64 -3")]
    [InlineData("-7 % 3", "int64 -1")]
    [InlineData("7 / 2.0", "double 3.5")]
    [InlineData("count + amount", "double 19.5")]
    [InlineData("-amount", "double -12.5")]
    [InlineData("- -count", "int64 7")]
    [InlineData("0x1F", "int64 31")]
    [InlineData(".5 + 1e3", "double 1000.5")]
    [InlineData("-9223372036854775808", "int64 -9223372036854775808")]
    [InlineData("request.amount / amount", "double 8")]
    public void Arithmetic_follows_the_usual_precedence(string text, string expected) => Sample.Evaluate(text).ShouldBe(expected);

    [Theory]
    [InlineData("amount > 0", "bool true")]
    [InlineData("amount > 12.5", "bool false")]
    [InlineData("amount >= 12.5 && amount <= 12.5", "bool true")]
    [InlineData("count == 7.0", "bool true")]
    [InlineData("count != 7", "bool false")]
    [InlineData("0.0 == -0.0", "bool true")]
    [InlineData("currency < \"D\"", "bool true")]
    [InlineData("currency == 'CHF\\u00e9\\U0001F600'", "bool true")]
    [InlineData("fraud == true", "bool true")]
    [InlineData("!fraud", "bool false")]
    [InlineData("fraud != false", "bool true")]
    [InlineData("1 < 2 == true", "bool true")]
    [InlineData("count in [1, 7, 9]", "bool true")]
    [InlineData("count in [1, 7.5]", "bool false")]
    [InlineData("amount in [12, 12.5]", "bool true")]
    [InlineData("-0.0 in [0.0]", "bool true")]
    [InlineData("count in [1, count]", "bool true")]
    [InlineData("currency in ['EUR', 'USD']", "bool false")]
    [InlineData("count in []", "bool false")]
    [InlineData("fraud ? amount : 0", "double 12.5")]
    [InlineData("!fraud ? 1 : count > 3 ? 2 : 3", "int64 2")]
    [InlineData("fraud ? null : 1", "null")]
    [InlineData("fraud ? 'yes' : 'no'", "string yes")]
    [InlineData("false || count == 1 || count == 7", "bool true")]
    public void Conditions_compare_and_combine(string text, string expected) => Sample.Evaluate(text).ShouldBe(expected);

    [Theory]
    [InlineData("size(currency)", "int64 5")]
    [InlineData("currency.size()", "int64 5")]
    [InlineData("currency.startsWith(\"CHF\")", "bool true")]
    [InlineData("endsWith(currency, '\\U0001F600')", "bool true")]
    [InlineData("currency.contains('HF') && !currency.contains('hf')", "bool true")]
    [InlineData("abs(-3)", "int64 3")]
    [InlineData("abs(0.5 - amount)", "double 12")]
    [InlineData("min(count, 3, 5)", "int64 3")]
    [InlineData("max(count, amount)", "double 12.5")]
    [InlineData("floor(amount)", "double 12")]
    [InlineData("ceil(amount)", "double 13")]
    [InlineData("floor(count)", "int64 7")]
    [InlineData("has(amount) && !has(none) && !has(nothing)", "bool true")]
    public void Functions_may_be_written_as_members_or_not(string text, string expected) => Sample.Evaluate(text).ShouldBe(expected);

    [Theory]
    [InlineData("tx_time == timestamp(\"2018-04-01T00:00:00Z\")", "bool true")]
    [InlineData("tx_time + duration('1h')", "timestamp 2018-04-01T01:00:00Z")]
    [InlineData("tx_time - timestamp('2018-03-31T00:00:00Z') == duration('1d')", "bool true")]
    [InlineData("tx_time - timestamp('2018-03-31T00:00:00Z') > -duration('1d')", "bool true")]
    [InlineData("max(tx_time, timestamp('2019-01-01T00:00:00+01:00'))", "timestamp 2018-12-31T23:00:00Z")]
    [InlineData("timestamp('1970-01-02T00:00:00Z') - duration('3650d')", "null")]
    public void Times_and_durations_calculate(string text, string expected) => Sample.Evaluate(text).ShouldBe(expected);

    [Theory]
    [InlineData("none > 0")]
    [InlineData("0 > none")]
    [InlineData("none + 1")]
    [InlineData("nothing == 'x'")]
    [InlineData("none in [1.0]")]
    [InlineData("nothing in ['x']")]
    [InlineData("size(nothing)")]
    [InlineData("nothing.startsWith('x')")]
    [InlineData("min(none, 1)")]
    [InlineData("!(none > 0)")]
    [InlineData("none > 0 && fraud")]
    [InlineData("none > 0 || !fraud")]
    [InlineData("9223372036854775807 + 1")]
    [InlineData("-9223372036854775808 - 1")]
    [InlineData("9223372036854775807 * 2")]
    [InlineData("-(-9223372036854775808)")]
    [InlineData("-9223372036854775808 / -1")]
    [InlineData("abs(-9223372036854775808)")]
    [InlineData("count / 0")]
    [InlineData("count % 0")]
    [InlineData("amount / 0")]
    [InlineData("0.0 / 0.0")]
    [InlineData("1e308 * 10")]
    [InlineData("count / 0 == 1")]
    public void Null_overflow_and_division_by_zero_give_null_and_match_nothing(string text)
    {
        Sample.Evaluate(text).ShouldBe("null");
        Sample.Compile(text).Matches(Sample.Event).ShouldBeFalse();
    }

    [Theory]
    [InlineData("none > 0 && false", "bool false")]
    [InlineData("false && none > 0", "bool false")]
    [InlineData("none > 0 || true", "bool true")]
    [InlineData("fraud || none > 0", "bool true")]
    [InlineData("none > 0 ? 1 : 2", "int64 2")]
    [InlineData("-9223372036854775808 % -1", "int64 0")]
    public void A_decided_condition_does_not_ask_the_unknown_side(string text, string expected) => Sample.Evaluate(text).ShouldBe(expected);

    [Theory]
    [InlineData("'a\\n\\t\\\\\\'\\x41\\101'", "a\n\t\\'AA")]
    [InlineData("r'a\\n'", "a\\n")]
    [InlineData("\"it's\"", "it's")]
    [InlineData("''", "")]
    public void Strings_take_the_escapes_of_CEL(string text, string expected) => Sample.Compile(text).Evaluate(Sample.Event).Text.ShouldBe(expected);

    [Fact]
    public void The_fields_used_are_named_by_position_once()
    {
        Sample.Compile("request.amount > amount && (amount > 1 || has(none))").FieldsUsed.ShouldBe([0, 5, 7]);
        Sample.Compile("1 == 1").FieldsUsed.ShouldBeEmpty();
    }

    [Fact]
    public void A_value_of_another_type_than_declared_counts_as_null()
    {
        Value[] wrong = [.. Enumerable.Repeat(Value.Of("text"), Sample.Scope.Count)];
        Sample.Compile("amount > 0").Evaluate(wrong).IsNull.ShouldBeTrue();
        Sample.Compile("currency == 'text'").Matches([.. Enumerable.Repeat(Value.Of(1), Sample.Scope.Count)]).ShouldBeFalse();
    }

    [Fact]
    public void A_result_that_is_no_bool_matches_nothing() => Sample.Compile("count").Matches(Sample.Event).ShouldBeFalse();

    [Theory]
    [InlineData("amount > 0")]
    [InlineData("amount > 0 && count in [1, 7] || !fraud && tx_time > timestamp('2018-01-01T00:00:00Z')")]
    [InlineData("(amount * 2 + count) / 3 - abs(amount) < max(count, 4, 5.5) ? fraud : has(none)")]
    public void Numbers_are_evaluated_without_allocating(string text)
    {
        CompiledExpression compiled = Sample.Compile(text);
        int matches = compiled.Matches(Sample.Event) ? 1 : 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000; i++)
        {
            matches += compiled.Matches(Sample.Event) ? 1 : 0;
            matches += compiled.Evaluate(Sample.Event).IsNull ? 1 : 0;
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        matches.ShouldBeGreaterThan(0);
    }
}
