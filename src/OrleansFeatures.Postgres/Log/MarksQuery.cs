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

    private static TimeMarks Load(byte[] saved)
    {
        var marks = new TimeMarks();
        var from = new StateReader(saved);
        marks.Load(ref from);
        return marks;
    }
}
