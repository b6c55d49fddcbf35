using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Expressions;

/// <summary>
/// An expression of the definitions' language (a subset of CEL), checked and compiled once. Immutable; any thread may evaluate it.
/// </summary>
/// <remarks>
/// <para>It sees nothing but the fields it is given, so the same event gives the same answer live and in a replay.</para>
/// <para>Null: arithmetic, a comparison, <c>in</c> or a function with a null operand is null; <c>has(x)</c> is whether x is not null.
/// <c>&amp;&amp;</c>, <c>||</c> and <c>!</c> are three-valued. A null condition counts as false. An integer overflow, a division by zero
/// and any result that is not a finite number are null. Evaluation never throws.</para>
/// <para>Beyond CEL: int64 is converted to double where the other side is a double. Numbers, times and bools are computed
/// without allocating.</para>
/// </remarks>
public sealed class CompiledExpression
{
    private readonly Operand _root;

    private CompiledExpression(string text, Operand root, ImmutableArray<int> fieldsUsed)
    {
        Text = text;
        _root = root;
        FieldsUsed = fieldsUsed;
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    public FieldType ResultType => (FieldType)_root.Kind;

    /// <summary>Positions in the scope, ascending.</summary>
    public ImmutableArray<int> FieldsUsed { get; }

    /// <summary>Null with an error if the text is no expression over <paramref name="scope"/>. The cost is linear in the text.</summary>
    public static CompiledExpression? Compile(string text, ExpressionScope scope, out ExpressionError? error)
    {
        if (text.Length > Limits.ExpressionLengthMax)
        {
            error = new ExpressionError(Limits.ExpressionLengthMax + 1, $"the expression has {text.Length} characters, more than {Limits.ExpressionLengthMax}", "shorten it, or split the feature");
            return null;
        }

        if (string.IsNullOrWhiteSpace(text))
        {
            error = new ExpressionError(1, "the expression is empty", "leave it out, or write a condition such as amount > 0");
            return null;
        }

        List<Token>? tokens = new Lexer(text).Read(out error);
        Syntax? syntax = tokens is null ? null : new Parser(tokens).Parse(out error);
        if (syntax is null)
        {
            return null;
        }

        var binder = new Binder(scope);
        Operand? root = binder.BindResult(syntax, out error);
        return root is null ? null : new CompiledExpression(text, root, [.. binder.FieldsUsed]);
    }

    /// <summary><paramref name="fields"/> are the scope's fields by position. A field of another type than declared counts as null.</summary>
    public Value Evaluate(ReadOnlySpan<Value> fields)
    {
        if (_root.Kind == ExpressionKind.String)
        {
            return _root.Text(fields) is { } text ? Value.Of(text) : Value.Null;
        }

        return _root.Bits(fields, out long bits) ? Value.FromBits(ResultType, bits) : Value.Null;
    }

    /// <summary>Whether a condition holds: true only for true, not for null, nor for a result that is no bool.</summary>
    public bool Matches(ReadOnlySpan<Value> fields) => _root.Kind == ExpressionKind.Bool && _root.Bits(fields, out long bits) && bits != 0;

    public override string ToString() => Text;
}
