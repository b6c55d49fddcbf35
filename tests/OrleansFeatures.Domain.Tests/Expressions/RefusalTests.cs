using OrleansFeatures.Domain.Expressions;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Domain.Tests.Expressions;

public sealed class RefusalTests
{
    [Theory]
    [InlineData("", 1, "the expression is empty", "leave it out")]
    [InlineData("amuont > 0", 1, "unknown field 'amuont'", "did you mean 'amount'?")]
    [InlineData("amount > 0 && zzz", 15, "unknown field 'zzz'", "known: amount, count")]
    [InlineData("requst.amount > 0", 1, "unknown field 'requst.amount'", "did you mean 'request.amount'?")]
    [InlineData("currency.startWith('x')", 10, "unknown function 'startWith'", "did you mean 'startsWith'?")]
    [InlineData("currency.matches('.*')", 10, "unknown function 'matches'", "use startsWith")]
    [InlineData("amount = 0", 8, "unexpected character '='", "equality is written ==")]
    [InlineData("fraud & fraud", 7, "unexpected character '&'", "&&")]
    [InlineData("fraud and fraud", 7, "unexpected 'and'", "&&")]
    [InlineData("not fraud", 1, "unexpected 'not'", "!")]
    [InlineData("amount > ", 10, "expected a value, found the end of the expression", "write a field")]
    [InlineData("(amount > 0", 12, "expected ')', found the end of the expression", "close the parenthesis")]
    [InlineData("amount > 0)", 11, "unexpected ')'", "nothing is open")]
    [InlineData("amount 5", 8, "unexpected '5'", "an operator")]
    [InlineData("amount in (1, 2)", 11, "expected '[', found '('", "x in [1, 2, 3]")]
    [InlineData("[1]", 1, "expected a value, found '['", "'in'")]
    [InlineData("count in ['x']", 11, "'in' cannot find string among int64", "type of the left side")]
    [InlineData("'abc", 1, "the string does not end", "close it")]
    [InlineData("'a\\q'", 3, "unknown escape in a string", "\\n")]
    [InlineData("'\\uD800'", 2, "unknown escape in a string", "\\n")]
    [InlineData("1d", 1, "the number '1d' is not a number", "duration(\"1h\")")]
    [InlineData("12u", 1, "the number '12u' is not a number", "unsigned")]
    [InlineData("9223372036854775808", 1, "does not fit 64 bits", "decimal point")]
    [InlineData("1e999", 1, "is not a finite double", "1.79e308")]
    [InlineData("amount > 'x'", 8, "'>' cannot take double and string", "quote")]
    [InlineData("tx_time > '2018-04-01T00:00:00Z'", 9, "'>' cannot take timestamp and string", "timestamp(")]
    [InlineData("tx_time + 1", 9, "'+' cannot take timestamp and int64", "duration(")]
    [InlineData("fraud > false", 7, "'>' cannot take bool and bool", "== and !=")]
    [InlineData("1 < 2 < 3", 7, "'<' cannot take bool and int64", "bool")]
    [InlineData("currency + currency", 10, "'+' cannot take string and string", "joined")]
    [InlineData("amount % 2", 8, "'%' cannot take double and int64", "two int64")]
    [InlineData("amount == null", 8, "'==' with null is always null", "has(x)")]
    [InlineData("null in [1]", 10, "'in' cannot find int64 among null", "type of the left side")]
    [InlineData("!amount", 1, "'!' needs a bool, found double", "compare it first")]
    [InlineData("-currency", 1, "'-' needs a number, found string", "negate")]
    [InlineData("amount && fraud", 1, "'&&' needs bools, found double", "compare it first")]
    [InlineData("amount ? 1 : 2", 1, "the test before '?' must be a bool, found double", "compare it first")]
    [InlineData("fraud ? 1 : 'x'", 7, "'? :' cannot give int64 or string", "one type")]
    [InlineData("fraud ? 1", 10, "expected ':', found the end of the expression", "test ? value : other")]
    [InlineData("has(amount > 0)", 1, "has() takes one field", "has(amount)")]
    [InlineData("has(amuont)", 5, "unknown field 'amuont'", "did you mean 'amount'?")]
    [InlineData("size(amount)", 1, "size() cannot take (double)", "size(text)")]
    [InlineData("min(amount)", 1, "min() cannot take (double)", "two or more")]
    [InlineData("min('a', 'b')", 1, "min() cannot take (string, string)", "two or more")]
    [InlineData("duration('1 hour') > duration('1h')", 1, "duration() cannot take (string)", "ms s m h d")]
    [InlineData("tx_time > timestamp('2018-04-01')", 11, "timestamp() cannot take (string)", "RFC 3339 with a zone")]
    [InlineData("duration('1h')", 1, "the result is a duration", "compare it")]
    [InlineData("null", 1, "the expression is always null", "condition")]
    [InlineData("amount.", 8, "expected a name after '.', found the end of the expression", "function")]
    [InlineData("(amount).x", 2, "unknown field 'amount.x'", "did you mean 'amount'?")]
    [InlineData("1.5.x", 5, "'.x' does not follow a name", "parentheses")]
    [InlineData("amount > 0 # rest", 12, "unexpected character '#'", "quote text")]
    public void A_wrong_expression_names_its_column_and_a_way_out(string text, int column, string message, string suggestion)
    {
        ExpressionError error = Sample.Refused(text);
        error.Message.ShouldContain(message);
        error.Suggestion.ShouldContain(suggestion);
        error.Column.ShouldBe(column);
    }

    [Theory]
    [InlineData("(", "1", ")")]
    [InlineData("!", "fraud", "")]
    [InlineData("-", "count", "")]
    [InlineData("", "count", " + count")]
    [InlineData("fraud ? count : ", "1", "")]
    public void Nesting_beyond_the_limit_is_refused_and_at_it_accepted(string open, string core, string close)
    {
        string Nested(int levels) => string.Concat(Enumerable.Repeat(open, levels)) + core + string.Concat(Enumerable.Repeat(close, levels));
        Sample.Compile(Nested(30));
        Sample.Refused(Nested(Limits.ExpressionDepthMax + 1)).Message.ShouldContain($"deeper than {Limits.ExpressionDepthMax}");
    }

    [Fact]
    public void A_long_chain_of_alternatives_is_not_deep()
    {
        string text = string.Join(" || ", Enumerable.Range(0, 200).Select(i => $"count == {i}"));
        Sample.Compile(text).Matches(Sample.Event).ShouldBeTrue();
    }

    [Fact]
    public void Text_beyond_the_limit_is_refused()
    {
        ExpressionError error = Sample.Refused(new string('(', Limits.ExpressionLengthMax + 1));
        error.Message.ShouldContain($"more than {Limits.ExpressionLengthMax}");
    }

    [Fact]
    public void Deep_text_of_the_longest_length_neither_throws_nor_overflows_the_stack()
    {
        foreach (string unit in (string[])["(", "!", "-", "1+(", "[", "has(", "a.", "1?", "1 in [", "min(", "'", "\\"])
        {
            string text = string.Concat(Enumerable.Repeat(unit, Limits.ExpressionLengthMax / unit.Length));
            Sample.Refused(text);
        }
    }
}
