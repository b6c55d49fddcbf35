using System.Data.Common;
using Npgsql;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>Reads appends whole, in sequence order, a few megabytes with one query, so that no statement stays open while a visitor works. Blocking, on the caller's thread.</summary>
internal static class HistoryQuery
{
    private const string Text =
        """
        SELECT a.first_sequence, a.last_sequence, r.frames
        FROM (
            SELECT first_sequence, last_sequence
            FROM (
                SELECT first_sequence, last_sequence, sum(frame_bytes) OVER (ORDER BY first_sequence) - frame_bytes AS ahead
                FROM (
                    SELECT first_sequence, last_sequence, frame_bytes
                    FROM log_appends
                    WHERE first_sequence >= coalesce((SELECT max(first_sequence) FROM log_appends WHERE first_sequence <= $1), 0) AND first_sequence <= $2
                    ORDER BY first_sequence LIMIT $3
                ) AS rows
            ) AS summed
            WHERE ahead < $4
        ) AS a
        JOIN log_records r ON r.append_sequence = a.first_sequence
        ORDER BY a.first_sequence
        """;

    /// <summary>Some appends, the first of which holds <paramref name="from"/> if the log still does. Empty when there is none up to <paramref name="to"/>.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    /// <exception cref="LogCorruptException">An append is not whole.</exception>
    public static List<AppendFrames> Run(NpgsqlDataSource source, long from, long to, int appendsMax = Limits.HistoryAppendsMax)
    {
        List<AppendFrames> appends = [];
        List<byte[]> rows = [];
        (long First, long Last) current = (-1, -1);
        try
        {
            using NpgsqlCommand command = source.CreateCommand(Text);
            command.Parameters.Add(AppendStatements.Of(from));
            command.Parameters.Add(AppendStatements.Of(to));
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = appendsMax });
            command.Parameters.Add(AppendStatements.Of((long)Limits.HistoryBytesMax));
            using NpgsqlDataReader reader = command.ExecuteReader();
            while (reader.Read())
            {
                if (reader.GetInt64(0) != current.First && rows.Count > 0)
                {
                    appends.Add(new AppendFrames(current.First, current.Last, rows));
                    rows = [];
                }

                current = (reader.GetInt64(0), reader.GetInt64(1));
                rows.Add(reader.GetFieldValue<byte[]>(2));
            }
        }
        catch (DbException failure)
        {
            throw new LogUnavailableException($"the log in PostgreSQL cannot be read ({failure.Message}); try again", failure);
        }

        if (rows.Count > 0)
        {
            appends.Add(new AppendFrames(current.First, current.Last, rows));
        }

        return appends;
    }
}
