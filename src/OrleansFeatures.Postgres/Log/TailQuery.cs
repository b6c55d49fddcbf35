using Npgsql;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// Rows of partitions from an offset on, for many partitions with one query: of each up to <see cref="Limits.FetchRowsMax"/> rows and about <see cref="Limits.FetchBytesMax"/> bytes, at least one row. The length of frames that lie apart from
/// their row is known without reading them, so what the byte bound leaves out costs nothing.
/// </summary>
internal static class TailQuery
{
    private const string Text =
        """
        SELECT w.partition, r.first_offset, r.last_offset, r.frames
        FROM unnest($1, $2) AS w (partition, start)
        CROSS JOIN LATERAL (
            SELECT first_offset, last_offset, frames
            FROM (
                SELECT first_offset, last_offset, frames, sum(octet_length(frames)) OVER (ORDER BY first_offset) - octet_length(frames) AS ahead
                FROM (
                    SELECT first_offset, last_offset, frames
                    FROM log_records
                    WHERE partition = w.partition
                        AND first_offset >= coalesce((SELECT max(first_offset) FROM log_records WHERE partition = w.partition AND first_offset <= w.start), 0)
                    ORDER BY first_offset LIMIT $3
                ) AS rows
            ) AS summed
            WHERE ahead < $4
        ) AS r
        WHERE r.last_offset >= w.start
        ORDER BY w.partition, r.first_offset
        """;

    /// <summary>The rows, by partition and offset. The first of a partition may begin before what was wanted, or behind it where old history was dropped.</summary>
    public static async Task<List<PartitionBatch>> RunAsync(NpgsqlConnection connection, IReadOnlyCollection<(PartitionId Partition, LogOffset Start)> wanted, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Text, connection);
        command.Parameters.Add(AppendStatements.Of(wanted.Select(each => each.Partition.Value)));
        command.Parameters.Add(AppendStatements.Of(wanted.Select(each => each.Start.Value)));
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Limits.FetchRowsMax });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Limits.FetchBytesMax });
        List<PartitionBatch> rows = [];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new PartitionBatch(new PartitionId(reader.GetInt32(0)), new LogOffset(reader.GetInt64(1)), new LogOffset(reader.GetInt64(2)), reader.GetFieldValue<byte[]>(3)));
        }

        return rows;
    }
}
