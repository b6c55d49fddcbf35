using OrleansFeatures.Domain.Aggregates;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// Room for gathering one window's values, reused from read to read so that reading allocates nothing once it has grown. Belongs to one
/// thread at a time. It grows to the largest window read, which is bounded by what an entity retains.
/// </summary>
/// <remarks>
/// Whoever gathers rows fills the first rooms (<see cref="Ranges"/>, <see cref="Numbers"/>, <see cref="Times"/>, <see cref="Categories"/>), aggregates work in the others:
/// <see cref="Ordered"/>, <see cref="Doubles"/> and <see cref="Values"/> for one column, the rest for a map by category around it. Asking for a room again gives the same room.
/// </remarks>
public sealed class WindowScratch
{
    private long[] _numbers = new long[256];
    private long[] _times = new long[256];
    private long[] _categories = [];
    private WindowRange[] _ranges = new WindowRange[16];
    private long[] _ordered = [];
    private double[] _doubles = [];
    private long[] _groupedNumbers = [];
    private long[] _groupedTimes = [];
    private int[] _groupEnds = [];

    /// <summary>The different values of a column.</summary>
    internal ValueGroups Values { get; } = new();

    /// <summary>The different categories of a map.</summary>
    internal ValueGroups CategoryGroups { get; } = new();

    internal Span<long> Numbers(int count) => Room(ref _numbers, count);

    internal Span<long> Times(int count) => Room(ref _times, count);

    internal Span<long> Categories(int count) => Room(ref _categories, count);

    /// <summary>Where the windows of one read lie.</summary>
    internal Span<WindowRange> Ranges(int count) => Room(ref _ranges, count);

    /// <summary>A copy of a column that may be reordered.</summary>
    internal Span<long> Ordered(int count) => Room(ref _ordered, count);

    /// <summary>A column of integers as doubles.</summary>
    internal Span<double> Doubles(int count) => Room(ref _doubles, count);

    /// <summary>A column's values, category after category.</summary>
    internal Span<long> GroupedNumbers(int count) => Room(ref _groupedNumbers, count);

    /// <summary>Their times.</summary>
    internal Span<long> GroupedTimes(int count) => Room(ref _groupedTimes, count);

    /// <summary>Where each category ends in them.</summary>
    internal Span<int> GroupEnds(int count) => Room(ref _groupEnds, count);

    private static Span<T> Room<T>(ref T[] array, int count)
    {
        if (array.Length < count)
        {
            array = new T[Math.Max(count, array.Length * 2)];
        }

        return array.AsSpan(0, count);
    }
}
