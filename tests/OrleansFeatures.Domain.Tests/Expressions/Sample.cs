using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;
using Shouldly;

namespace OrleansFeatures.Domain.Tests.Expressions;

/// <summary>One event that the expression tests look at; "none" is null.</summary>
internal static class Sample
{
    public static readonly ExpressionScope Scope = new(
    [
        new FieldDefinition("amount", FieldType.Double),
        new FieldDefinition("count", FieldType.Int64),
        new FieldDefinition("currency", FieldType.String),
        new FieldDefinition("fraud", FieldType.Bool),
        new FieldDefinition("tx_time", FieldType.Timestamp),
        new FieldDefinition("none", FieldType.Double),
        new FieldDefinition("nothing", FieldType.String),
        new FieldDefinition("request.amount", FieldType.Double),
    ]);

    public static readonly Value[] Event =
    [
        Value.Of(12.5), Value.Of(7), Value.Of("CHF\u00e9\U0001F600"), Value.Of(true), Value.Of(new EventTime(1_522_540_800_000_000)),
        Value.Null, Value.Null, Value.Of(100.0),
    ];

    public static CompiledExpression Compile(string text)
    {
        CompiledExpression? compiled = CompiledExpression.Compile(text, Scope, out ExpressionError? error);
        error.ShouldBeNull(text);
        return compiled.ShouldNotBeNull(text);
    }

    /// <summary>The value as text, with its type: "int64 7", "null".</summary>
    public static string Evaluate(string text)
    {
        CompiledExpression compiled = Compile(text);
        Value value = compiled.Evaluate(Event);
        (value.IsNull || value.Type == compiled.ResultType).ShouldBeTrue($"{text}: declared {compiled.ResultType}, gave {value.Type}");
        return value.IsNull ? "null" : $"{value.Type.Name()} {value}";
    }

    public static ExpressionError Refused(string text)
    {
        CompiledExpression.Compile(text, Scope, out ExpressionError? error).ShouldBeNull(text);
        error.ShouldNotBeNull(text);
        error.Suggestion.ShouldNotBeNullOrWhiteSpace(text);
        error.Column.ShouldBeInRange(1, text.Length + 1, text);
        return error;
    }
}
