namespace OrleansFeatures.Postgres.Log;

/// <summary>The one row whose lock is the order of all appends.</summary>
/// <param name="First">The oldest record that is kept.</param>
/// <param name="Next">The sequence of the next record.</param>
/// <param name="NextOffsets">By partition, the offset of its next record.</param>
/// <param name="LatestArrival">No event that comes later may have arrived earlier; the smallest int64 before the first.</param>
/// <param name="Generation">Of the definitions in force.</param>
internal sealed record LogHead(long First, long Next, long[] NextOffsets, long LatestArrival, long Generation)
{
    public const string Columns = "first_sequence, next_sequence, next_offsets, latest_arrival, definitions_generation";

    public static LogHead Read(System.Data.Common.DbDataReader row) =>
        new(row.GetInt64(0), row.GetInt64(1), row.GetFieldValue<long[]>(2), row.GetInt64(3), row.GetInt64(4));
}
