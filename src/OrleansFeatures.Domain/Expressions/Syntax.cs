using System.Collections.Immutable;

namespace OrleansFeatures.Domain.Expressions;

/// <summary>What an expression says, before names and types are looked at. <paramref name="Column"/> is where a message points to.</summary>
internal abstract record Syntax(int Column);

/// <summary>An integer, double, string, bool, or null. <paramref name="Value"/> of a null literal is <see cref="Events.Value.Null"/>.</summary>
internal sealed record LiteralSyntax(int Column, Events.Value Value) : Syntax(Column);

/// <summary>A field, perhaps dotted: "amount", "request.amount".</summary>
internal sealed record NameSyntax(int Column, string Name) : Syntax(Column);

/// <summary><c>!</c> or <c>-</c>.</summary>
internal sealed record UnarySyntax(int Column, string Operator, Syntax Operand) : Syntax(Column);

/// <summary>Arithmetic or a comparison.</summary>
internal sealed record BinarySyntax(int Column, string Operator, Syntax Left, Syntax Right) : Syntax(Column);

/// <summary>A chain of one of <c>&amp;&amp;</c> and <c>||</c>: flat, so that a long list of alternatives is not deep.</summary>
internal sealed record LogicalSyntax(int Column, bool IsAnd, ImmutableArray<Syntax> Operands) : Syntax(Column);

/// <summary><c>x in [a, b]</c>.</summary>
internal sealed record MembershipSyntax(int Column, Syntax Element, ImmutableArray<Syntax> List) : Syntax(Column);

internal sealed record ConditionalSyntax(int Column, Syntax Condition, Syntax Then, Syntax Else) : Syntax(Column);

/// <summary><c>f(x, y)</c>; <c>x.f(y)</c> means the same.</summary>
internal sealed record CallSyntax(int Column, string Function, ImmutableArray<Syntax> Arguments) : Syntax(Column);
