using Npgsql;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>What appends tell the clocks of reads, in order.</summary>
internal static class MarksQuery
{
    private const string Text =
        "SELECT first_sequence, last_sequence, committed_at_micros, marks, partitions, last_offsets FROM log_appends WHERE first_sequence > $1 ORDER BY first_sequence LIMIT $2";

    public static async Task<IReadOnlyList<AppendMark>> RunAsync(NpgsqlConnection connection, LogSequence after, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Text, connection);
        command.Parameters.Add(AppendStatements.Of(after.Value));
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Limits.MarksFetchMax });
        List<AppendMark> marks = [];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            IEnumerable<PartitionOffset> ends = reader.GetFieldValue<int[]>(4).Zip(reader.GetFieldValue<long[]>(5), (partition, last) => new PartitionOffset(new PartitionId(partition), new LogOffset(last)));
            marks.Add(new AppendMark(new LogSequence(reader.GetInt64(0)), new LogSequence(reader.GetInt64(1)), new EventTime(reader.GetInt64(2)), Load(reader.GetFieldValue<byte[]>(3)), [.. ends]));
        }

        return marks;
    }

    /// <summary>All appends as one; null in an empty log.</summary>
    public static async Task<AppendMark?> RunSoFarAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // The head and the producers as of one moment.
        await using NpgsqlTransaction moment = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(AppendStatements.Command($"SELECT {LogHead.Columns} FROM log_head"));
        batch.BatchCommands.Add(AppendStatements.Command(AppendStatements.Producers, AppendStatements.Of(LogSequence.None.Value)));
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        LogHead head = LogHead.Read(reader);
        var marks = new TimeMarks();
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            marks.Of((uint)reader.GetInt32(0), reader.GetFieldValue<byte[]>(1)).Add(reader.GetInt64(2), new EventTime(reader.GetInt64(3)), reader.GetInt64(4));
        }

        PartitionOffset[] ends = [.. head.NextOffsets.Select((next, partition) => new PartitionOffset(new PartitionId(partition), new LogOffset(next - 1))).Where(end => end.Offset != LogOffset.None)];
        return head.Next == 0 ? null : new AppendMark(new LogSequence(0), new LogSequence(head.Next - 1), new EventTime(head.LatestArrival), marks, ends);
    }

    private static TimeMarks Load(byte[] saved)
    {
        var marks = new TimeMarks();
        var from = new StateReader(saved);
        marks.Load(ref from);
        return marks;
    }
}
