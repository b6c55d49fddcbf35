using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Expressions;

/// <summary>
/// The identifiers an expression may use, by position: position i is element i of the span that
/// <see cref="CompiledExpression.Evaluate"/> gets. A name may be dotted ("request.amount").
/// </summary>
public sealed class ExpressionScope
{
    private readonly Dictionary<string, int> _positions = new(StringComparer.Ordinal);
    private readonly FieldDefinition[] _fields;

    /// <summary>Of two fields with one name the first is meant; that they collide is the catalog's to report.</summary>
    public ExpressionScope(IEnumerable<FieldDefinition> fields)
    {
        _fields = [.. fields];
        for (int i = 0; i < _fields.Length; i++)
        {
            _positions.TryAdd(_fields[i].Name, i);
        }
    }

    public int Count => _fields.Length;

    public IEnumerable<string> Names => _positions.Keys;

    public bool TryFind(string name, out int position) => _positions.TryGetValue(name, out position);

    public FieldType TypeOf(int position) => _fields[position].Type;
}
