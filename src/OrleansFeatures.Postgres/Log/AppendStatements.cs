using Npgsql;
using NpgsqlTypes;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Postgres.Log;

/// <summary>The statements of an append transaction. All are constant, so that a connection prepares each once; numbers of rows are in arrays.</summary>
internal static class AppendStatements
{
    public const string Begin = "BEGIN ISOLATION LEVEL READ COMMITTED";

    public const string Commit = "COMMIT";

    public const string Rollback = "ROLLBACK";

    public const string LockHead = $"SELECT {LogHead.Columns} FROM log_head FOR UPDATE";

    public const string Producers = "SELECT stream, producer, newest, arrival, stream_time FROM producers WHERE changed_sequence > $1";

    public const string Forgotten = "SELECT stream, forgotten_through FROM stream_counts WHERE forgotten_through > -9223372036854775808";

    /// <summary>Ids that only inserts want: whether they are there is all there is to know.</summary>
    public const string Versions =
        "SELECT w.n, i.version FROM unnest($1, $2, $3) WITH ORDINALITY AS w (stream, high, low, n) JOIN event_ids i USING (stream, high, low)";

    /// <summary>Ids that corrections want: the versions too, cut out of their rows. No frame where old history was dropped.</summary>
    public const string VersionsWithFrames =
        """
        SELECT w.n, i.version, substring(r.frames FROM i.position + 1 FOR i.frame_bytes)
        FROM unnest($1, $2, $3) WITH ORDINALITY AS w (stream, high, low, n) JOIN event_ids i USING (stream, high, low)
        LEFT JOIN log_records r ON r.partition = i.partition AND r.first_offset = i.row_offset
        """;

    private const string InsertRecords =
        "INSERT INTO log_records (partition, first_offset, last_offset, append_sequence, frames) SELECT p, f, l, $1, b FROM unnest($2, $3, $4, $5) AS r (p, f, l, b)";

    private const string InsertAppend =
        "INSERT INTO log_appends (first_sequence, last_sequence, committed_at_micros, frame_bytes, partitions, last_offsets, marks) VALUES ($1, $2, $3, $4, $5, $6, $7)";

    private const string IdColumns = "(stream, high, low, version, time_micros, row_offset, partition, position, frame_bytes)";

    /// <summary>No conflict clause: ids that nobody had when the head was locked are nobody's now. Were they, the database would refuse to count an event twice.</summary>
    private const string InsertIds = $"INSERT INTO event_ids {IdColumns} SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)";

    /// <summary>Retention may have forgotten an id since it was looked up.</summary>
    private const string ReplaceIds =
        $"""
        {InsertIds} ON CONFLICT (stream, high, low) DO UPDATE SET version = excluded.version, time_micros = excluded.time_micros,
        row_offset = excluded.row_offset, partition = excluded.partition, position = excluded.position, frame_bytes = excluded.frame_bytes
        """;

    private const string MoveProducers =
        """
        INSERT INTO producers AS p (stream, producer, newest, arrival, stream_time, changed_sequence) SELECT s, n, t, a, m, $1 FROM unnest($2, $3, $4, $5, $6) AS c (s, n, t, a, m)
        ON CONFLICT (stream, producer) DO UPDATE SET newest = greatest(p.newest, excluded.newest), arrival = greatest(p.arrival, excluded.arrival),
        stream_time = greatest(p.stream_time, excluded.stream_time), changed_sequence = excluded.changed_sequence
        """;

    private const string Count =
        "INSERT INTO stream_counts AS c (stream, accepted) SELECT * FROM unnest($1, $2) ON CONFLICT (stream) DO UPDATE SET accepted = c.accepted + excluded.accepted";

    private const string MoveHead = "UPDATE log_head SET next_sequence = $1, next_offsets = $2, latest_arrival = $3";

    private const string Notify = "SELECT pg_notify($1, $2)";

    public static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (NpgsqlParameter parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    public static NpgsqlParameter Of(long value) => new NpgsqlParameter<long> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bigint };

    public static NpgsqlParameter Of(string value) => new NpgsqlParameter<string> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };

    public static NpgsqlParameter Of(byte[] value) => new NpgsqlParameter<byte[]> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bytea };

    public static NpgsqlParameter Of(IEnumerable<long> values) => new NpgsqlParameter<long[]> { TypedValue = [.. values], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint };

    public static NpgsqlParameter Of(IEnumerable<int> values) => new NpgsqlParameter<int[]> { TypedValue = [.. values], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer };

    public static NpgsqlParameter Of(IEnumerable<byte[]> values) => new NpgsqlParameter<byte[][]> { TypedValue = [.. values], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea };

    /// <summary>The arrays of <see cref="Versions"/>.</summary>
    public static NpgsqlBatchCommand Ids(string sql, IReadOnlyCollection<(uint Stream, EventIdIndex.IdKey Id)> ids) => Command(
        sql, Of(ids.Select(wanted => (int)wanted.Stream)), Of(ids.Select(wanted => (long)wanted.Id.High)), Of(ids.Select(wanted => (long)wanted.Id.Low)));

    /// <summary>All that is written, and the commit.</summary>
    public static void Write(NpgsqlBatchCommandCollection to, string channel, LogHead head, TransactionRecords records, AppendedRows rows, long latestArrival, Func<(uint, EventIdIndex.IdKey), bool> isKnown, IReadOnlyDictionary<uint, long> accepted)
    {
        to.Add(Command(
            InsertRecords, Of(head.Next), Of(rows.Partitions.Select(row => row.Partition.Value)), Of(rows.Partitions.Select(row => row.First.Value)), Of(rows.Partitions.Select(row => row.Last.Value)),
            Of(rows.Partitions.Select(row => BytesOf(row.Frames)))));
        var marks = new StateWriter();
        rows.Marks.Save(marks);
        to.Add(Command(
            InsertAppend, Of(head.Next), Of(records.Next - 1), Of(latestArrival), Of(rows.FrameBytes), Of(rows.Partitions.Select(row => row.Partition.Value)), Of(rows.Partitions.Select(row => row.Last.Value)), Of(marks.Written.ToArray())));
        foreach (IGrouping<bool, KeyValuePair<(uint Stream, EventIdIndex.IdKey Id), AppendedRows.IdRow>> ids in rows.Ids.GroupBy(id => isKnown(id.Key)))
        {
            to.Add(IdRows(ids.Key ? ReplaceIds : InsertIds, [.. ids]));
        }

        TimeMarks.Mark[] producers = [.. rows.Marks.WithEvents];
        if (producers.Length > 0)
        {
            to.Add(Command(
                MoveProducers, Of(records.Next - 1), Of(producers.Select(mark => (int)mark.Stream)), Of(producers.Select(mark => mark.Producer)), Of(producers.Select(mark => mark.NewestMicros)),
                Of(producers.Select(mark => mark.ArrivalMicros)), Of(producers.Select(mark => mark.StreamTimeMicros))));
        }

        if (accepted.Count > 0)
        {
            to.Add(Command(Count, Of(accepted.Keys.Select(stream => (int)stream)), Of(accepted.Values)));
        }

        to.Add(Command(MoveHead, Of(records.Next), Of(records.NextOffsets), Of(latestArrival)));
        to.Add(Command(Notify, Of(channel), Of(AppendNotice.Write(records.Next - 1, rows.Partitions))));
        to.Add(Command(Commit));
    }

    private static NpgsqlBatchCommand IdRows(string sql, KeyValuePair<(uint Stream, EventIdIndex.IdKey Id), AppendedRows.IdRow>[] ids) => Command(
        sql, Of(ids.Select(row => (int)row.Key.Stream)), Of(ids.Select(row => (long)row.Key.Id.High)), Of(ids.Select(row => (long)row.Key.Id.Low)), Of(ids.Select(row => row.Value.Version.Bits)),
        Of(ids.Select(row => row.Value.TimeMicros)), Of(ids.Select(row => row.Value.RowOffset)), Of(ids.Select(row => row.Value.Partition)), Of(ids.Select(row => row.Value.Position)), Of(ids.Select(row => row.Value.FrameBytes)));

    /// <summary>The array behind frames that this process has made: exactly theirs.</summary>
    private static byte[] BytesOf(ReadOnlyMemory<byte> frames) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(frames, out ArraySegment<byte> whole) && whole.Offset == 0 && whole.Count == whole.Array!.Length ? whole.Array : frames.ToArray();
}
