using Google.Protobuf.Collections;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Vectors;

/// <summary>Where each feature of an answer stands: its lane, and its place among the features of that lane. Immutable.</summary>
internal sealed class VectorLayout
{
    private static readonly int LaneCount = Enum.GetValues<Lane>().Length;

    private readonly FeatureColumn[] _columns;
    private readonly int[] _widths = new int[LaneCount];
    private readonly Dictionary<string, int> _positions;

    public VectorLayout(RepeatedField<FeatureColumn> columns)
    {
        _columns = [.. columns];
        _positions = new Dictionary<string, int>(_columns.Length, StringComparer.Ordinal);
        for (int position = 0; position < _columns.Length; position++)
        {
            _widths[(int)_columns[position].Lane]++;
            _positions[_columns[position].Name] = position;
        }
    }

    public IReadOnlyList<FeatureColumn> Columns => _columns;

    /// <summary>Whether an answer with those columns lies like this one; then the layout serves for it too.</summary>
    public bool Fits(RepeatedField<FeatureColumn> columns)
    {
        if (columns.Count != _columns.Length)
        {
            return false;
        }

        for (int position = 0; position < _columns.Length; position++)
        {
            FeatureColumn column = columns[position];
            FeatureColumn own = _columns[position];
            if (column.Lane != own.Lane || column.LaneIndex != own.LaneIndex || column.Type != own.Type || column.Name != own.Name)
            {
                return false;
            }
        }

        return true;
    }

    public FeatureColumn this[int position] => _columns[position];

    /// <exception cref="KeyNotFoundException">The answer has no such feature.</exception>
    public int PositionOf(string name) => _positions.TryGetValue(name, out int position)
        ? position
        : throw new KeyNotFoundException($"the answer has no feature '{name}'; it has {string.Join(", ", _columns.Select(column => column.Name))}");

    /// <summary>Where the cell lies in its lane.</summary>
    public int PlaceOf(int row, int position) => (row * _widths[(int)_columns[position].Lane]) + (int)_columns[position].LaneIndex;
}
