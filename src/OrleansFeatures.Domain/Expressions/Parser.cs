using System.Collections.Immutable;
using System.Globalization;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Expressions;

// Recursive descent, one method per level of precedence, loosest first:
//
//   conditional   a ? b : c          right-associative
//   or            a || b             flat
//   and           a && b             flat
//   relation      < <= > >= == != in
//   sum           + -
//   product       * / %
//   unary         ! -
//   member        x.f(y)
//   primary       literal, name, f(x), (x)
//
// The first error wins: every method returns null once there is one. Every way back to the top passes Enter, which bounds the
// recursion here; how deep the finished tree is (a + b + c is deep to the left) is the binder's to bound.
internal sealed class Parser(List<Token> tokens)
{
    private int _at;
    private int _depth;
    private ExpressionError? _error;

    private Token Current => tokens[_at];

    public Syntax? Parse(out ExpressionError? error)
    {
        Syntax? result = Conditional();
        if (result is not null && Current.Kind != TokenKind.End)
        {
            Fail(Current, $"unexpected {Current.Described}", Current.Text switch
            {
                "and" or "AND" => "and is written &&",
                "or" or "OR" => "or is written ||",
                "not" or "NOT" => "not is written !: !(x in [1, 2])",
                ")" or "]" => "nothing is open that it could close",
                _ => "an operator such as && or == is missing before it",
            });
        }

        error = _error;
        return error is null ? result : null;
    }

    private Syntax? Conditional()
    {
        if (!Enter())
        {
            return null;
        }

        Syntax? result = Or();
        if (result is not null && Current.Is("?"))
        {
            int column = Next().Column;
            Syntax? then = Conditional();
            Syntax? otherwise = then is not null && Expect(":", "a condition is written: test ? value : other") ? Conditional() : null;
            result = otherwise is null ? null : new ConditionalSyntax(column, result, then!, otherwise);
        }

        _depth--;
        return result;
    }

    private Syntax? Or() => Chain("||", isAnd: false, And);

    private Syntax? And() => Chain("&&", isAnd: true, Relation);

    private Syntax? Chain(string symbol, bool isAnd, Func<Syntax?> operand)
    {
        Syntax? first = operand();
        if (first is null || !Current.Is(symbol))
        {
            return first;
        }

        int column = Current.Column;
        ImmutableArray<Syntax>.Builder operands = ImmutableArray.CreateBuilder<Syntax>();
        operands.Add(first);
        while (Current.Is(symbol))
        {
            Next();
            if (operand() is not { } next)
            {
                return null;
            }

            operands.Add(next);
        }

        return new LogicalSyntax(column, isAnd, operands.ToImmutable());
    }

    private Syntax? Relation() => LeftAssociative(Sum, ["<", "<=", ">", ">=", "==", "!="]);

    private Syntax? Sum() => LeftAssociative(Product, ["+", "-"]);

    private Syntax? Product() => LeftAssociative(Unary, ["*", "/", "%"]);

    private Syntax? LeftAssociative(Func<Syntax?> operand, string[] symbols)
    {
        Syntax? left = operand();
        while (left is not null)
        {
            bool membership = symbols[0] == "<" && Current.IsWord("in");
            if (!membership && !(Current.Kind == TokenKind.Symbol && symbols.Contains(Current.Text)))
            {
                break;
            }

            Token symbol = Next();
            left = membership ? Membership(left, symbol) : operand() is { } right ? new BinarySyntax(symbol.Column, symbol.Text, left, right) : null;
        }

        return left;
    }

    private Syntax? Membership(Syntax element, Token symbol)
    {
        const string form = "membership is written: x in [1, 2, 3]";
        return Expect("[", form) && List("]", form) is { } list ? new MembershipSyntax(symbol.Column, element, list) : null;
    }

    private Syntax? Unary()
    {
        if (!Current.Is("!") && !Current.Is("-"))
        {
            return Member();
        }

        if (!Enter())
        {
            return null;
        }

        Token symbol = Next();
        Syntax? result = symbol.Is("-") && Current.Kind == TokenKind.Integer
            ? Integer(symbol.Column, "-")
            : Unary() is { } operand ? new UnarySyntax(symbol.Column, symbol.Text, operand) : null;
        _depth--;
        return result;
    }

    private Syntax? Member()
    {
        Syntax? result = Primary();
        while (result is not null && Current.Is("."))
        {
            Next();
            Token name = Next();
            if (name.Kind != TokenKind.Identifier)
            {
                return Fail(name, $"expected a name after '.', found {name.Described}", "write a field (request.amount) or a function (name.startsWith(\"x\"))");
            }

            result = Current.Is("(") ? Call(name, result) : Dotted(result, name);
        }

        return result;
    }

    private Syntax? Dotted(Syntax receiver, Token name) => receiver is NameSyntax prefix
        ? new NameSyntax(prefix.Column, $"{prefix.Name}.{name.Text}")
        : Fail(name, $"'.{name.Text}' does not follow a name", "a function needs parentheses: x.size()");

    private Syntax? Primary()
    {
        Token token = Current;
        switch (token.Kind)
        {
            case TokenKind.Integer:
                return Integer(token.Column, "");
            case TokenKind.Decimal:
                return Decimal();
            case TokenKind.Text:
                return Literal(Value.Of(token.Text));
            case TokenKind.Identifier:
                return Word();
            case TokenKind.Symbol when token.Is("("):
                Next();
                return Conditional() is { } inner && Expect(")", "close the parenthesis") ? inner : null;
            default:
                return Fail(token, $"expected a value, found {token.Described}", token.Is("[") ? "lists stand only after 'in'" : "write a field, a number, a string or a function");
        }
    }

    private Syntax? Word()
    {
        switch (Current.Text)
        {
            case "true":
                return Literal(Value.Of(true));
            case "false":
                return Literal(Value.Of(false));
            case "null":
                return Literal(Value.Null);
            case "in":
                return Fail(Current, "expected a value, found 'in'", "membership is written: x in [1, 2, 3]");
            case "not" or "NOT" when tokens[_at + 1].Kind == TokenKind.Identifier:
                return Fail(Current, $"unexpected '{Current.Text}'", "not is written !");
            default:
                Token name = Next();
                return Current.Is("(") ? Call(name, receiver: null) : new NameSyntax(name.Column, name.Text);
        }
    }

    private CallSyntax? Call(Token name, Syntax? receiver)
    {
        Next();
        if (List(")", "close the parenthesis") is not { } arguments)
        {
            return null;
        }

        return new CallSyntax(name.Column, name.Text, receiver is null ? arguments : arguments.Insert(0, receiver));
    }

    private ImmutableArray<Syntax>? List(string end, string suggestion)
    {
        ImmutableArray<Syntax>.Builder items = ImmutableArray.CreateBuilder<Syntax>();
        while (!Current.Is(end))
        {
            if (items.Count > 0 && !Expect(",", suggestion))
            {
                return null;
            }

            if (Conditional() is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        Next();
        return items.ToImmutable();
    }

    private LiteralSyntax Literal(Value value) => new(Next().Column, value);

    private Syntax? Integer(int column, string sign)
    {
        Token token = Next();
        bool hex = token.Text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        Int128 magnitude = 0;
        bool read = hex
            ? Int128.TryParse("0" + token.Text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out magnitude) && token.Text.Length is > 2 and <= 18
            : Int128.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out magnitude);
        Int128 value = sign == "-" ? -magnitude : magnitude;
        return read && value >= long.MinValue && value <= long.MaxValue
            ? new LiteralSyntax(column, Value.Of((long)value))
            : Fail(token, $"the integer {sign}{token.Text} does not fit 64 bits", "write it with a decimal point to make it a double");
    }

    private Syntax? Decimal()
    {
        Token token = Next();
        return double.TryParse(token.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            ? new LiteralSyntax(token.Column, Value.Of(value))
            : Fail(token, $"the number {token.Text} is not a finite double", "the largest is about 1.79e308");
    }

    private bool Enter()
    {
        if (++_depth <= Limits.ExpressionDepthMax)
        {
            return true;
        }

        Fail(Current, $"the expression is nested deeper than {Limits.ExpressionDepthMax}", "split it, or use 'in' for long alternatives");
        return false;
    }

    private bool Expect(string symbol, string suggestion)
    {
        if (Current.Is(symbol))
        {
            Next();
            return true;
        }

        Fail(Current, $"expected '{symbol}', found {Current.Described}", suggestion);
        return false;
    }

    /// <summary>Consumes a token; the end is never passed.</summary>
    private Token Next()
    {
        Token token = tokens[_at];
        _at += token.Kind == TokenKind.End ? 0 : 1;
        return token;
    }

    private Syntax? Fail(Token at, string message, string suggestion)
    {
        _error ??= new ExpressionError(at.Column, message, suggestion);
        return null;
    }
}
