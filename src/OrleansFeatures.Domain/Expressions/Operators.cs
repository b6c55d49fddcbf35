namespace OrleansFeatures.Domain.Expressions;

/// <summary>Which types an operator takes and what it then computes.</summary>
internal static class Operators
{
    /// <summary>Null if the operator does not take these types.</summary>
    public static Operand? Calculate(string symbol, Operand left, Operand right)
    {
        if (left.IsNumber && right.IsNumber)
        {
            return left.Kind == ExpressionKind.Double || right.Kind == ExpressionKind.Double
                ? OnDoubles(symbol, left.AsDouble(), right.AsDouble())
                : OnIntegers(symbol, left, right);
        }

        return (symbol, left.Kind, right.Kind) switch
        {
            ("+", ExpressionKind.Timestamp, ExpressionKind.Duration) => Moment<AddInt64>(left, right),
            ("+", ExpressionKind.Duration, ExpressionKind.Timestamp) => Moment<AddInt64>(left, right),
            ("-", ExpressionKind.Timestamp, ExpressionKind.Duration) => Moment<SubtractInt64>(left, right),
            ("+", ExpressionKind.Duration, ExpressionKind.Duration) => Length<AddInt64>(left, right),
            ("-", ExpressionKind.Duration, ExpressionKind.Duration) => Length<SubtractInt64>(left, right),
            ("-", ExpressionKind.Timestamp, ExpressionKind.Timestamp) => Length<SubtractInt64>(left, right),
            _ => null,
        };
    }

    /// <summary>Null if the values cannot be compared so.</summary>
    public static Operand? Compare(string symbol, Operand left, Operand right) => symbol switch
    {
        "<" => Compare<Less>(left, right, ordered: true),
        "<=" => Compare<LessOrEqual>(left, right, ordered: true),
        ">" => Compare<More>(left, right, ordered: true),
        ">=" => Compare<MoreOrEqual>(left, right, ordered: true),
        "==" => Compare<Same>(left, right, ordered: false),
        _ => Compare<Different>(left, right, ordered: false),
    };

    /// <summary>What to write when an operator refuses its types.</summary>
    public static string Advice(string symbol, Operand left, Operand right)
    {
        bool text = left.Kind == ExpressionKind.String || right.Kind == ExpressionKind.String;
        return (symbol, left.Kind, right.Kind) switch
        {
            ("%", _, _) => "'%' takes two int64",
            ("+", ExpressionKind.String, ExpressionKind.String) => "strings cannot be joined",
            (_, ExpressionKind.Timestamp, ExpressionKind.String) or (_, ExpressionKind.String, ExpressionKind.Timestamp) => "a time is written timestamp(\"2018-04-01T00:00:00Z\")",
            (_, ExpressionKind.Timestamp, _) or (_, _, ExpressionKind.Timestamp) => "a length of time is written duration(\"1h\")",
            (_, ExpressionKind.Bool, ExpressionKind.Bool) => "bools know only == and !=, && and ||",
            (_, ExpressionKind.Bool, _) or (_, _, ExpressionKind.Bool) => "a bool is compared with true or false; write a test as (x > 0) == flag",
            _ when text && symbol is "+" or "-" or "*" or "/" => "arithmetic needs numbers",
            _ when text => "a string is compared with a string: quote it with \" or leave the quotes of a number out",
            _ => "both sides must have one type",
        };
    }

    private static Operand? OnDoubles(string symbol, Operand left, Operand right) => symbol switch
    {
        "+" => Operand.OfBits(ExpressionKind.Double, Binary.Of<OnDoubles<Add>>(left, right)),
        "-" => Operand.OfBits(ExpressionKind.Double, Binary.Of<OnDoubles<Subtract>>(left, right)),
        "*" => Operand.OfBits(ExpressionKind.Double, Binary.Of<OnDoubles<Multiply>>(left, right)),
        "/" => Operand.OfBits(ExpressionKind.Double, Binary.Of<OnDoubles<Divide>>(left, right)),
        _ => null,
    };

    private static Operand OnIntegers(string symbol, Operand left, Operand right) => Operand.OfBits(ExpressionKind.Int64, symbol switch
    {
        "+" => Binary.Of<AddInt64>(left, right),
        "-" => Binary.Of<SubtractInt64>(left, right),
        "*" => Binary.Of<MultiplyInt64>(left, right),
        "/" => Binary.Of<DivideInt64>(left, right),
        _ => Binary.Of<RemainderInt64>(left, right),
    });

    private static Operand Moment<TOperation>(Operand left, Operand right)
        where TOperation : struct, IBinaryOperation => Operand.OfBits(ExpressionKind.Timestamp, Binary.Of<WithinTime<TOperation>>(left, right));

    private static Operand Length<TOperation>(Operand left, Operand right)
        where TOperation : struct, IBinaryOperation => Operand.OfBits(ExpressionKind.Duration, Binary.Of<TOperation>(left, right));

    private static Operand? Compare<TRelation>(Operand left, Operand right, bool ordered)
        where TRelation : struct, IRelation
    {
        if (left.IsNumber && right.IsNumber && left.Kind != right.Kind)
        {
            return Compare<TRelation>(left.AsDouble(), right.AsDouble(), ordered);
        }

        if (left.Kind != right.Kind || (ordered && left.Kind == ExpressionKind.Bool))
        {
            return null;
        }

        return Operand.OfBits(ExpressionKind.Bool, left.Kind switch
        {
            ExpressionKind.String => CompareText<TRelation>(left.Text, right.Text),
            ExpressionKind.Double => Binary.Of<CompareDouble<TRelation>>(left, right),
            _ => Binary.Of<CompareInt64<TRelation>>(left, right),
        });
    }

    /// <summary>By UTF-16 code unit, in no language's order.</summary>
    private static BitsOf CompareText<TRelation>(TextOf left, TextOf right)
        where TRelation : struct, IRelation => (fields, out result) =>
    {
        string? l = left(fields);
        string? r = l is null ? null : right(fields);
        result = r is not null && TRelation.Holds(string.CompareOrdinal(l, r), 0) ? 1 : 0;
        return r is not null;
    };
}
