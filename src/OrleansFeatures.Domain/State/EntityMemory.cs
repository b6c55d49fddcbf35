namespace OrleansFeatures.Domain.State;

/// <summary>What one entity takes, by part.</summary>
/// <param name="Events">Held as themselves, superseded versions included.</param>
/// <param name="SummedEvents">In sums only.</param>
/// <param name="RowBytes">The chunks of rows, with their unused room.</param>
/// <param name="TextBytes">Its share of the texts that its rows name: a text of n rows counts as an n-th for each.</param>
/// <param name="SummaryBytes">Buckets and lifetime sums; an estimate.</param>
/// <param name="DirectoryBytes">What finds chunks and keeps their folds.</param>
/// <param name="FloorMicros">The newest event time no longer held as itself; the smallest int64 where that is none.</param>
public readonly record struct EntityMemory(long Events, long SummedEvents, long RowBytes, long TextBytes, long SummaryBytes, long DirectoryBytes, long FloorMicros)
{
    public long TotalBytes => RowBytes + TextBytes + SummaryBytes + DirectoryBytes;

    public static EntityMemory operator +(EntityMemory left, EntityMemory right) => new(
        left.Events + right.Events,
        left.SummedEvents + right.SummedEvents,
        left.RowBytes + right.RowBytes,
        left.TextBytes + right.TextBytes,
        left.SummaryBytes + right.SummaryBytes,
        left.DirectoryBytes + right.DirectoryBytes,
        Math.Max(left == default ? long.MinValue : left.FloorMicros, right.FloorMicros));
}
