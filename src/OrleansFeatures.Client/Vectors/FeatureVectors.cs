using System.Collections;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Vectors;

/// <summary>An answer: one vector per row that was asked for, in that order. Immutable.</summary>
public sealed class FeatureVectors : IReadOnlyList<FeatureVector>
{
    internal FeatureVectors(VectorLayout layout, FeatureRows rows, IReadOnlyList<EntityState> states, ReadOnlyMemory<byte> rowStatuses)
    {
        (Layout, Values, States, RowStatuses) = (layout, rows, states, rowStatuses);
    }

    /// <summary>Name, type and kind of every feature, in the order of the vectors.</summary>
    public IReadOnlyList<FeatureColumn> Columns => Layout.Columns;

    public int Count => (int)Values.RowCount;

    public FeatureVector this[int index] => index >= 0 && index < Count
        ? new FeatureVector(this, index)
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"there are {Count} rows");

    internal VectorLayout Layout { get; }

    internal FeatureRows Values { get; }

    internal IReadOnlyList<EntityState> States { get; }

    internal ReadOnlyMemory<byte> RowStatuses { get; }

    public IEnumerator<FeatureVector> GetEnumerator() => Enumerable.Range(0, Count).Select(row => this[row]).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>
/// One row's features. Every value has a status; a typed getter answers null for a value that has none (an empty window, an entity never seen, too old), so nothing is ever mistaken for zero.
/// </summary>
public readonly struct FeatureVector
{
    private readonly FeatureVectors _vectors;
    private readonly int _row;

    internal FeatureVector(FeatureVectors vectors, int row) => (_vectors, _row) = (vectors, row);

    /// <summary>Whether the row was answered; other than OK only where the query was <see cref="FeatureQuery.Partial"/>.</summary>
    public RowStatus Row => _vectors.RowStatuses.IsEmpty ? RowStatus.Ok : (RowStatus)_vectors.RowStatuses.Span[_row];

    /// <summary>By entity type, which state the features come from: version, newest event, how far events are complete.</summary>
    public IEnumerable<EntityState> States
    {
        get
        {
            int perRow = _vectors.Count == 0 ? 0 : _vectors.States.Count / _vectors.Count;
            return _vectors.States.Skip(_row * perRow).Take(perRow);
        }
    }

    /// <exception cref="KeyNotFoundException">The answer has no such feature.</exception>
    public FeatureStatus StatusOf(string feature) => StatusAt(_vectors.Layout.PositionOf(feature));

    /// <summary>PRESENT, or APPROXIMATE within the column's hop.</summary>
    public bool HasValue(string feature) => HasValueAt(_vectors.Layout.PositionOf(feature));

    /// <summary>A whole number, a bool (0 or 1), or a time in microseconds.</summary>
    /// <exception cref="InvalidOperationException">The feature is of another kind.</exception>
    public long? Int64(string feature) => Find(feature, Lane.Int64) is { } place ? _vectors.Values.Int64S[place] : null;

    /// <summary>A number: doubles as they are, whole numbers as doubles.</summary>
    /// <exception cref="InvalidOperationException">The feature is no number.</exception>
    public double? Double(string feature)
    {
        int position = _vectors.Layout.PositionOf(feature);
        return HasValueAt(position) ? NumberAt(position) : null;
    }

    public bool? Bool(string feature) => Int64(feature) is { } bit ? bit != 0 : null;

    public DateTimeOffset? Time(string feature) => Int64(feature) is { } micros ? Cells.TimeOf(micros) : null;

    public string? Text(string feature) => Find(feature, Lane.String) is { } place ? _vectors.Values.Strings[place] : null;

    public IReadOnlyList<Value>? List(string feature) => Find(feature, Lane.List) is { } place ? _vectors.Values.Lists[place].Values : null;

    public MapValue? Map(string feature) => Find(feature, Lane.Map) is { } place ? _vectors.Values.Maps[place] : null;

    /// <summary>All features as numbers, in the order of the columns, for a model's input; what has no value is <paramref name="missing"/>.</summary>
    /// <exception cref="InvalidOperationException">A feature is no number.</exception>
    /// <exception cref="ArgumentException">There is no room for all of them.</exception>
    public void CopyTo(Span<double> numbers, double missing = double.NaN)
    {
        int features = _vectors.Columns.Count;
        if (numbers.Length < features)
        {
            throw new ArgumentException($"room for {numbers.Length} numbers, but {features} features", nameof(numbers));
        }

        for (int position = 0; position < features; position++)
        {
            numbers[position] = HasValueAt(position) ? NumberAt(position) : missing;
        }
    }

    private double NumberAt(int position)
    {
        FeatureColumn column = _vectors.Layout[position];
        int place = _vectors.Layout.PlaceOf(_row, position);
        return column.Lane switch
        {
            Lane.Double => _vectors.Values.Doubles[place],
            Lane.Int64 => _vectors.Values.Int64S[place],
            _ => throw new InvalidOperationException($"'{column.Name}' is no number but a {column.Lane}"),
        };
    }

    private int? Find(string feature, Lane lane)
    {
        int position = _vectors.Layout.PositionOf(feature);
        FeatureColumn column = _vectors.Layout[position];
        if (column.Lane != lane)
        {
            throw new InvalidOperationException($"'{feature}' is a {column.Lane} of {column.Type}, not a {lane}");
        }

        return HasValueAt(position) ? _vectors.Layout.PlaceOf(_row, position) : null;
    }

    private bool HasValueAt(int position) => StatusAt(position) is FeatureStatus.Present or FeatureStatus.Approximate;

    private FeatureStatus StatusAt(int position) =>
        _vectors.Values.Statuses.IsEmpty ? FeatureStatus.Present : (FeatureStatus)_vectors.Values.Statuses[(_row * _vectors.Columns.Count) + position];
}
