using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Gateway.Subscribe;

/// <summary>
/// A condition over the vector of a row, in the language of the definitions: columns of the answer by name, with a dot for the colon ("customer_spend.nb_tx_1d > 5"). What has no value is null, whatever its status, and a condition that is
/// null is not true. One thread at a time.
/// </summary>
internal sealed class VectorCondition
{
    private readonly CompiledExpression _expression;
    private readonly int[] _columns;
    private readonly Value[] _fields;

    private VectorCondition(CompiledExpression expression, int[] columns) => (_expression, _columns, _fields) = (expression, columns, new Value[columns.Length]);

    /// <summary>Null where there is no condition.</summary>
    /// <exception cref="RequestRefusedException">The text is not a condition over these columns.</exception>
    public static VectorCondition? Of(Selection selection, string text)
    {
        if (text.Length == 0)
        {
            return null;
        }

        int[] columns = [.. Enumerable.Range(0, selection.Columns.Length).Where(index => selection.Columns[index].Shape == FeatureShape.Scalar)];
        FieldDefinition[] fields = [.. columns.Select(index => new FieldDefinition(NameOf(selection.Columns[index]), selection.Columns[index].Type))];
        if (CompiledExpression.Compile(text, new ExpressionScope(fields), out ExpressionError? error) is not { } expression)
        {
            AnswerColumn? listed = selection.Columns.FirstOrDefault(column => column.Shape != FeatureShape.Scalar && text.Contains(NameOf(column), StringComparison.Ordinal));
            throw Refuse.Argument(
                "filter", $"at column {error!.Column} of '{text}': {error.Message}", listed is null ? $"{error.Suggestion}; the columns of {selection.Name} are named as in {ExampleOf(fields)}" : $"{NameOf(listed)} is a list or a map: a condition is over single values");
        }

        return expression.ResultType == FieldType.Bool
            ? new VectorCondition(expression, columns)
            : throw Refuse.Argument("filter", $"'{text}' gives {expression.ResultType.Name()} and not a bool", "compare it, for example x > 0");
    }

    /// <param name="row">By column of the selection.</param>
    public bool Holds(ReadOnlySpan<FeatureValue> row)
    {
        foreach (int field in _expression.FieldsUsed)
        {
            ref readonly FeatureValue value = ref row[_columns[field]];
            _fields[field] = value.HasValue ? value.Scalar : Value.Null;
        }

        Value holds = _expression.Evaluate(_fields);
        return !holds.IsNull && holds.Bool;
    }

    private static string NameOf(AnswerColumn column) => column.Name.Replace(':', '.');

    private static string ExampleOf(FieldDefinition[] fields) => fields.Length == 0 ? "view.feature" : fields[0].Name;
}
