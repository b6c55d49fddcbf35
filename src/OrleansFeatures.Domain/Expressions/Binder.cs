using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Expressions;

// Gives names their fields and operators their types, and turns the syntax tree into closures, bottom up. The first error wins:
// every method returns null once there is one. Constant pieces are computed here, once.
internal sealed class Binder(ExpressionScope scope)
{
    private readonly SortedSet<int> _fieldsUsed = [];
    private int _depth;
    private ExpressionError? _error;

    public IEnumerable<int> FieldsUsed => _fieldsUsed;

    /// <summary>The whole expression: its result must have a field's type.</summary>
    public Operand? BindResult(Syntax syntax, out ExpressionError? error)
    {
        Operand? result = Bind(syntax);
        result = result?.Kind switch
        {
            ExpressionKind.Duration => Fail(syntax.Column, "the result is a duration, which no field or feature can hold", "compare it: tx_time - since < duration(\"1h\")"),
            ExpressionKind.Null => Fail(syntax.Column, "the expression is always null", "write a condition such as amount > 0"),
            _ => result,
        };
        error = _error;
        return result;
    }

    public Operand? Bind(Syntax syntax)
    {
        if (++_depth > Limits.ExpressionDepthMax)
        {
            return Fail(syntax.Column, $"the expression is nested deeper than {Limits.ExpressionDepthMax}", "split it, or use 'in' for long alternatives");
        }

        Operand? result = syntax switch
        {
            LiteralSyntax literal => Operand.Constant(literal.Value),
            NameSyntax name => Name(name),
            UnarySyntax unary => Unary(unary),
            BinarySyntax binary => Two(binary),
            LogicalSyntax logical => Logical(logical),
            MembershipSyntax membership => Membership(membership),
            ConditionalSyntax conditional => Conditional(conditional),
            CallSyntax call => Functions.Bind(call, this),
            _ => throw new InvariantException($"no binding for {syntax.GetType().Name}"),
        };
        _depth--;
        return result;
    }

    public Operand? Fail(int column, string message, string suggestion)
    {
        _error ??= new ExpressionError(column, message, suggestion);
        return null;
    }

    private Operand? Name(NameSyntax name)
    {
        if (scope.TryFind(name.Name, out int position))
        {
            _fieldsUsed.Add(position);
            return Operand.OfField(position, scope.TypeOf(position));
        }

        return Fail(name.Column, $"unknown field '{name.Name}'", NameSuggestion.DidYouMean(name.Name, scope.Names));
    }

    private Operand? Unary(UnarySyntax unary)
    {
        if (Bind(unary.Operand) is not { } operand)
        {
            return null;
        }

        Operand? result = (unary.Operator, operand.Kind) switch
        {
            ("!", ExpressionKind.Bool) => Operand.OfBits(ExpressionKind.Bool, Logic.Not(operand.Bits)),
            ("-", ExpressionKind.Int64 or ExpressionKind.Duration) => Operand.OfBits(operand.Kind, Binary.Of<SubtractInt64>(Operand.Constant(operand.Kind, 0), operand)),
            // Zero minus x would make -0.0 a positive zero; minus one times x keeps the sign.
            ("-", ExpressionKind.Double) => Operand.OfBits(operand.Kind, Binary.Of<OnDoubles<Multiply>>(operand, Operand.Constant(Value.Of(-1.0)))),
            ("!", _) => Fail(unary.Column, $"'!' needs a bool, found {operand.TypeName}", operand.IsNumber ? "compare it first: x == 0" : "compare it first"),
            _ => Fail(unary.Column, $"'-' needs a number, found {operand.TypeName}", "negate a number or a duration"),
        };
        return Fold(result, operand);
    }

    private Operand? Two(BinarySyntax binary)
    {
        Operand? left = Bind(binary.Left);
        Operand? right = left is null ? null : Bind(binary.Right);
        if (left is null || right is null)
        {
            return null;
        }

        bool compares = binary.Operator is "<" or "<=" or ">" or ">=" or "==" or "!=";
        if (left.Kind == ExpressionKind.Null || right.Kind == ExpressionKind.Null)
        {
            return Fail(binary.Column, $"'{binary.Operator}' with null is always null", "write has(x) for \"x is not null\" and !has(x) for \"x is null\"");
        }

        Operand? result = compares ? Operators.Compare(binary.Operator, left, right) : Operators.Calculate(binary.Operator, left, right);
        return result is null
            ? Fail(binary.Column, $"'{binary.Operator}' cannot take {left.TypeName} and {right.TypeName}", Operators.Advice(binary.Operator, left, right))
            : Fold(result, left, right);
    }

    private Operand? Logical(LogicalSyntax logical)
    {
        string symbol = logical.IsAnd ? "&&" : "||";
        var operands = new List<Operand>(logical.Operands.Length);
        foreach (Syntax syntax in logical.Operands)
        {
            if (Bind(syntax) is not { } operand)
            {
                return null;
            }

            if (operand.Kind != ExpressionKind.Bool)
            {
                return Fail(syntax.Column, $"'{symbol}' needs bools, found {operand.TypeName}", "compare it first, for example x != 0");
            }

            operands.Add(operand);
        }

        BitsOf chain = Logic.Chain(decisive: !logical.IsAnd, [.. operands.Select(operand => operand.Bits)]);
        return Fold(Operand.OfBits(ExpressionKind.Bool, chain), [.. operands]);
    }

    private Operand? Membership(MembershipSyntax membership)
    {
        Operand? element = Bind(membership.Element);
        ImmutableArray<Operand>? list = element is null ? null : BindAll(membership.List);
        if (element is null || list is null)
        {
            return null;
        }

        var items = new List<Operand>();
        bool anyDouble = element.Kind == ExpressionKind.Double || (element.IsNumber && list.Value.Any(item => item.Kind == ExpressionKind.Double));
        Operand subject = anyDouble ? element.AsDouble() : element;
        for (int i = 0; i < list.Value.Length; i++)
        {
            Operand item = anyDouble ? list.Value[i].AsDouble() : list.Value[i];
            if (item.Kind != subject.Kind || subject.Kind == ExpressionKind.Null)
            {
                return Fail(membership.List[i].Column, $"'in' cannot find {list.Value[i].TypeName} among {element.TypeName}", "the list must have the type of the left side");
            }

            items.Add(item);
        }

        if (element.Kind == ExpressionKind.Null)
        {
            return Fail(membership.Column, "'in' with null is always null", "write a field to the left of 'in'");
        }

        BitsOf bits = items.TrueForAll(item => item.IsConstant)
            ? Logic.IsOneOf(subject, items)
            : Logic.Chain(decisive: true, [.. items.Select(item => Operators.Compare("==", subject, item)!.Bits)]);
        return Fold(Operand.OfBits(ExpressionKind.Bool, bits), [subject, .. items]);
    }

    private Operand? Conditional(ConditionalSyntax conditional)
    {
        Operand? condition = Bind(conditional.Condition);
        Operand? then = condition is null ? null : Bind(conditional.Then);
        Operand? otherwise = then is null ? null : Bind(conditional.Else);
        if (condition is null || then is null || otherwise is null)
        {
            return null;
        }

        if (condition.Kind != ExpressionKind.Bool)
        {
            return Fail(conditional.Condition.Column, $"the test before '?' must be a bool, found {condition.TypeName}", "compare it first, for example x > 0");
        }

        Operand left = then.IsNumber && otherwise.Kind == ExpressionKind.Double ? then.AsDouble() : then.As(otherwise.Kind);
        Operand right = otherwise.IsNumber && left.Kind == ExpressionKind.Double ? otherwise.AsDouble() : otherwise.As(left.Kind);
        return left.Kind == right.Kind
            ? Fold(Logic.Choose(condition.Bits, left, right), condition, left, right)
            : Fail(conditional.Column, $"'? :' cannot give {then.TypeName} or {otherwise.TypeName}", "both values must have one type");
    }

    public ImmutableArray<Operand>? BindAll(ImmutableArray<Syntax> list)
    {
        ImmutableArray<Operand>.Builder operands = ImmutableArray.CreateBuilder<Operand>(list.Length);
        foreach (Syntax syntax in list)
        {
            if (Bind(syntax) is not { } operand)
            {
                return null;
            }

            operands.Add(operand);
        }

        return operands.ToImmutable();
    }

    public static Operand? Fold(Operand? result, params Operand[] operands) =>
        result is not null && operands.All(operand => operand.IsConstant) ? result.Folded() : result;
}
