using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Vectors;

/// <summary>
/// A question for features, put together call by call:
/// <code>FeatureQuery.Service("fraud").Row(("customer_id", 596), ("terminal_id", 3156)).Context(("amount", 12.5))</code>
/// Not for several threads. The same query may be asked again, and grown in between.
/// </summary>
public sealed class FeatureQuery
{
    private readonly Dictionary<string, KeyColumn> _keys = [];
    private readonly Dictionary<string, ContextColumn> _context = [];
    private int _rows;

    private FeatureQuery(FeatureSelection what) => Request = new GetFeaturesRequest { What = what };

    /// <summary>As it goes over the wire; whatever has no method here may be set there.</summary>
    public GetFeaturesRequest Request { get; }

    /// <summary>Rows so far.</summary>
    public int Rows => _rows;

    /// <summary>The features of a feature service: its name for the newest version, or <c>name@version</c>.</summary>
    public static FeatureQuery Service(string reference) => new(new FeatureSelection { FeatureService = reference });

    /// <summary>Features by name: <c>view:feature</c>, <c>view@2:feature</c>, <c>view:*</c>, or an on-demand feature's name.</summary>
    public static FeatureQuery Features(params IEnumerable<string> names) => new(new FeatureSelection { Features = new FeatureList { Names = { names } } });

    /// <summary>One more row: the same key fields as the rows before it, in any order.</summary>
    /// <exception cref="ArgumentException">Other fields than those of the rows before, or a field that was text and is a number now.</exception>
    public FeatureQuery Row(params ReadOnlySpan<(string Field, KeyValue Value)> keys)
    {
        if (_rows > 0 && keys.Length != _keys.Count)
        {
            throw new ArgumentException($"row {_rows} has {keys.Length} key fields, the rows before it {_keys.Count}: give every row {string.Join(", ", _keys.Keys)}", nameof(keys));
        }

        foreach ((string field, KeyValue value) in keys)
        {
            Add(field, value);
        }

        _rows++;
        return this;
    }

    /// <summary>What on-demand features take from the request, the same for all rows.</summary>
    public FeatureQuery Context(params ReadOnlySpan<(string Field, object? Value)> fields)
    {
        foreach ((string field, object? value) in fields)
        {
            if (!_context.TryGetValue(field, out ContextColumn? column))
            {
                Request.Context.Add(_context[field] = column = new ContextColumn { Field = field });
            }

            column.Values = Cells.ColumnOf(value);
        }

        return this;
    }

    /// <summary>As of that instant of event time. Without it: now.</summary>
    public FeatureQuery AsOf(DateTimeOffset time)
    {
        Request.AsOfMicros.Clear();
        Request.AsOfMicros.Add(Cells.MicrosOf(time));
        return this;
    }

    /// <summary>As of the stream's own time.</summary>
    public FeatureQuery AsOfStreamTime()
    {
        Request.AsOfStreamTime = true;
        return this;
    }

    /// <summary>What was known at that instant of arrival time.</summary>
    public FeatureQuery KnownAt(DateTimeOffset time)
    {
        Request.KnownAtMicros.Clear();
        Request.KnownAtMicros.Add(Cells.MicrosOf(time));
        return this;
    }

    /// <summary>Rows that cannot be answered in time, or at all, say so instead of failing the call: <see cref="FeatureVector.Row"/>.</summary>
    public FeatureQuery Partial()
    {
        Request.Partial = true;
        return this;
    }

    /// <summary>Names for the rows of the answer, one each: <see cref="FeatureStoreClient.AmendmentsAsync"/> tells when what was served under a name has changed.</summary>
    public FeatureQuery PredictionIds(params IEnumerable<string> ids)
    {
        Request.PredictionIds.Clear();
        Request.PredictionIds.AddRange(ids);
        return this;
    }

    private void Add(string field, KeyValue value)
    {
        if (!_keys.TryGetValue(field, out KeyColumn? column))
        {
            if (_rows > 0)
            {
                throw new ArgumentException($"row {_rows} has a key field '{field}', the rows before it have {string.Join(", ", _keys.Keys)}", nameof(field));
            }

            Request.Keys.Add(_keys[field] = column = new KeyColumn { Field = field });
        }

        if (column.Strings.Count + column.Int64S.Count != _rows || (value.Text is null ? column.Strings.Count : column.Int64S.Count) > 0)
        {
            throw new ArgumentException($"row {_rows}, key field '{field}': it stands twice, or is a number in some rows and text in others", nameof(field));
        }

        if (value.Text is { } text)
        {
            column.Strings.Add(text);
        }
        else
        {
            column.Int64S.Add(value.Number);
        }
    }
}
