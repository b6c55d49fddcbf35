using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// What an object takes of the heap, for the accounting of an entity's memory: an estimate that follows the 64-bit runtime's layout, and is not measured. Texts count
/// in full wherever they are held, although several holders may share one.
/// </summary>
internal static class ObjectBytes
{
    /// <summary>Header and method table.</summary>
    private const int Head = 16;

    /// <summary>Header, method table and length.</summary>
    private const int ArrayHead = 24;

    /// <summary>Header, method table, length and the terminating zero.</summary>
    private const int TextHead = 22;

    /// <summary>An object of so many eight-byte fields.</summary>
    public static long Of(int fields) => Head + (8L * fields);

    /// <summary>An array, or nothing where it is empty: empty arrays are one shared object.</summary>
    public static long Array(int length, int elementBytes) => length == 0 ? 0 : RoundUp(ArrayHead + ((long)length * elementBytes));

    public static long Text(string? text) => text is null ? 0 : RoundUp(TextHead + (2L * text.Length));

    public static long Text(Value value) => value.Type == FieldType.String ? Text(value.Text) : 0;

    public static long Texts(in StatisticRow row) => Text(row.Id.Text) + Text(row.Value) + Text(row.Rank);

    private static long RoundUp(long bytes) => (bytes + 7) & ~7;
}
