using System.Numerics;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Expressions;

// Every operator is a struct with one static method over the operands' eight bytes. Binary.Of closes over it generically, so the
// JIT compiles one closure per operator with the operation inlined: evaluating `amount > 0` is one delegate call.

/// <summary>What an operator does with two values that are both known. False: the result is null.</summary>
internal interface IBinaryOperation
{
    static abstract bool TryApply(long left, long right, out long result);
}

internal static class Binary
{
    /// <summary>Null if either side is null, else the operation's result.</summary>
    public static BitsOf Of<TOperation>(Operand left, Operand right)
        where TOperation : struct, IBinaryOperation
    {
        if (left.Field >= 0 && right.IsConstant && right.Bits([], out long constant))
        {
            return OfFieldAndConstant<TOperation>(left.Field, (FieldType)left.Kind, constant);
        }

        BitsOf leftBits = left.Bits;
        BitsOf rightBits = right.Bits;
        return (fields, out result) =>
        {
            if (leftBits(fields, out long l) && rightBits(fields, out long r))
            {
                return TOperation.TryApply(l, r, out result);
            }

            result = 0;
            return false;
        };
    }

    private static BitsOf OfFieldAndConstant<TOperation>(int field, FieldType type, long constant)
        where TOperation : struct, IBinaryOperation => (fields, out result) =>
    {
        ref readonly Value value = ref fields[field];
        if (value.Type == type)
        {
            return TOperation.TryApply(value.Bits, constant, out result);
        }

        result = 0;
        return false;
    };
}

internal readonly struct AddInt64 : IBinaryOperation
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = unchecked(left + right);
        return ((left ^ result) & (right ^ result)) >= 0;
    }
}

internal readonly struct SubtractInt64 : IBinaryOperation
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = unchecked(left - right);
        return ((left ^ right) & (left ^ result)) >= 0;
    }
}

internal readonly struct MultiplyInt64 : IBinaryOperation
{
    public static bool TryApply(long left, long right, out long result) => Math.BigMul(left, right, out result) == result >> 63;
}

/// <summary>Toward zero, as in CEL. The least integer divided by -1 overflows.</summary>
internal readonly struct DivideInt64 : IBinaryOperation
{
    public static bool TryApply(long left, long right, out long result)
    {
        bool defined = right != 0 && !(right == -1 && left == long.MinValue);
        result = defined ? left / right : 0;
        return defined;
    }
}

/// <summary>The remainder has the sign of the left side, as in CEL.</summary>
internal readonly struct RemainderInt64 : IBinaryOperation
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = right is 0 or -1 ? 0 : left % right;
        return right != 0;
    }
}

/// <summary>A time outside 1970 to 2100, where no event can be, is null.</summary>
internal readonly struct WithinTime<TOperation> : IBinaryOperation
    where TOperation : struct, IBinaryOperation
{
    public static bool TryApply(long left, long right, out long result) =>
        TOperation.TryApply(left, right, out result) && result is >= Limits.EventTimeMinMicros and < Limits.EventTimeMaxMicros;
}

internal readonly struct LesserInt64 : IBinaryOperation
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = Math.Min(left, right);
        return true;
    }
}

internal readonly struct GreaterInt64 : IBinaryOperation
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = Math.Max(left, right);
        return true;
    }
}

/// <summary>One formula over doubles; see <see cref="OnDoubles{TFormula}"/>.</summary>
internal interface IFormula
{
    static abstract double Of(double left, double right);
}

/// <summary>A result that is not a finite number (overflow, division by zero) is null.</summary>
internal readonly struct OnDoubles<TFormula> : IBinaryOperation
    where TFormula : struct, IFormula
{
    public static bool TryApply(long left, long right, out long result)
    {
        double value = TFormula.Of(BitConverter.Int64BitsToDouble(left), BitConverter.Int64BitsToDouble(right));
        result = BitConverter.DoubleToInt64Bits(value);
        return double.IsFinite(value);
    }
}

internal readonly struct Add : IFormula
{
    public static double Of(double left, double right) => left + right;
}

internal readonly struct Subtract : IFormula
{
    public static double Of(double left, double right) => left - right;
}

internal readonly struct Multiply : IFormula
{
    public static double Of(double left, double right) => left * right;
}

internal readonly struct Divide : IFormula
{
    public static double Of(double left, double right) => left / right;
}

internal readonly struct Lesser : IFormula
{
    public static double Of(double left, double right) => Math.Min(left, right);
}

internal readonly struct Greater : IFormula
{
    public static double Of(double left, double right) => Math.Max(left, right);
}

/// <summary>A comparison, whatever it compares.</summary>
internal interface IRelation
{
    static abstract bool Holds<T>(T left, T right)
        where T : IComparisonOperators<T, T, bool>;
}

internal readonly struct Less : IRelation
{
    public static bool Holds<T>(T left, T right)
        where T : IComparisonOperators<T, T, bool> => left < right;
}

internal readonly struct LessOrEqual : IRelation
{
    public static bool Holds<T>(T left, T right)
        where T : IComparisonOperators<T, T, bool> => left <= right;
}

internal readonly struct More : IRelation
{
    public static bool Holds<T>(T left, T right)
        where T : IComparisonOperators<T, T, bool> => left > right;
}

internal readonly struct MoreOrEqual : IRelation
{
    public static bool Holds<T>(T left, T right)
        where T : IComparisonOperators<T, T, bool> => left >= right;
}

internal readonly struct Same : IRelation
{
    public static bool Holds<T>(T left, T right)
        where T : IComparisonOperators<T, T, bool> => left == right;
}

internal readonly struct Different : IRelation
{
    public static bool Holds<T>(T left, T right)
        where T : IComparisonOperators<T, T, bool> => left != right;
}

internal readonly struct CompareInt64<TRelation> : IBinaryOperation
    where TRelation : struct, IRelation
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = TRelation.Holds(left, right) ? 1 : 0;
        return true;
    }
}

internal readonly struct CompareDouble<TRelation> : IBinaryOperation
    where TRelation : struct, IRelation
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = TRelation.Holds(BitConverter.Int64BitsToDouble(left), BitConverter.Int64BitsToDouble(right)) ? 1 : 0;
        return true;
    }
}
