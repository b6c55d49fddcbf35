namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// Room for gathering one window's values, reused from read to read so that reading allocates nothing once it has grown. Belongs to one
/// thread at a time. It grows to the largest window read, which is bounded by what an entity retains.
/// </summary>
public sealed class WindowScratch
{
    private long[] _numbers = new long[256];
    private double[] _doubles = new double[256];
    private string?[] _texts = [];

    internal Span<long> Numbers(int count) => Room(ref _numbers, count);

    internal Span<double> Doubles(int count) => Room(ref _doubles, count);

    internal Span<string?> Texts(int count) => Room(ref _texts, count);

    private static Span<T> Room<T>(ref T[] array, int count)
    {
        if (array.Length < count)
        {
            array = new T[Math.Max(count, array.Length * 2)];
        }

        return array.AsSpan(0, count);
    }
}
