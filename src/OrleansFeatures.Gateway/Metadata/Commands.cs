using System.Data.Common;
using System.Text;

namespace OrleansFeatures.Gateway.Metadata;

/// <summary>
/// SQL in one line, parameters by position as <c>@p1, @p2, …</c>, which SQLite and PostgreSQL both read. PostgreSQL keeps neither NUL nor half a surrogate pair in a text: both are written, and asked for, as U+FFFD, in
/// SQLite too, so that both editions show the same.
/// </summary>
internal static class Commands
{
    /// <summary>Rows that travel together, where the database takes several statements at once: 500 refused events are 32 MB at their limit.</summary>
    private const int RowsTogether = 500;

    public static int Execute(this DbConnection connection, string sql, params object[] parameters)
    {
        using DbCommand command = connection.Command(sql, parameters);
        return command.ExecuteNonQuery();
    }

    public static long Scalar(this DbConnection connection, string sql, params object[] parameters)
    {
        using DbCommand command = connection.Command(sql, parameters);
        return command.ExecuteScalar() is long value ? value : 0;
    }

    public static List<T> Rows<T>(this DbConnection connection, string sql, Func<DbDataReader, T> row, params object[] parameters)
    {
        using DbCommand command = connection.Command(sql, parameters);
        using DbDataReader reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(row(reader));
        }

        return rows;
    }

    /// <summary>The same statement for every row.</summary>
    public static void ExecuteAll(this DbConnection connection, string sql, IEnumerable<object[]> rows)
    {
        if (!connection.CanCreateBatch)
        {
            connection.ExecuteEach(sql, rows);
            return;
        }

        foreach (object[][] together in rows.Chunk(RowsTogether))
        {
            using DbBatch batch = connection.CreateBatch();
            foreach (object[] row in together)
            {
                DbBatchCommand command = batch.CreateBatchCommand();
                command.CommandText = sql;
                for (int i = 0; i < row.Length; i++)
                {
                    DbParameter parameter = command.CreateParameter();
                    (parameter.ParameterName, parameter.Value) = (Name(i), Storable(row[i]));
                    command.Parameters.Add(parameter);
                }

                batch.BatchCommands.Add(command);
            }

            batch.ExecuteNonQuery();
        }
    }

    private static void ExecuteEach(this DbConnection connection, string sql, IEnumerable<object[]> rows)
    {
        using DbCommand command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (object[] row in rows)
        {
            for (int i = 0; i < row.Length; i++)
            {
                if (command.Parameters.Count == i)
                {
                    command.Add(i);
                }

                command.Parameters[i].Value = Storable(row[i]);
            }

            command.ExecuteNonQuery();
        }
    }

    private static DbCommand Command(this DbConnection connection, string sql, object[] parameters)
    {
        DbCommand command = connection.CreateCommand();
        command.CommandText = sql;
        for (int i = 0; i < parameters.Length; i++)
        {
            command.Add(i).Value = Storable(parameters[i]);
        }

        return command;
    }

    private static DbParameter Add(this DbCommand command, int place)
    {
        DbParameter parameter = command.CreateParameter();
        parameter.ParameterName = Name(place);
        command.Parameters.Add(parameter);
        return parameter;
    }

    private static string Name(int place) => $"@p{place + 1}";

    private static object Storable(object value) => value is string text ? Storable(text) : value;

    private static string Storable(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') && !text.Contains('\0', StringComparison.Ordinal))
        {
            return text;
        }

        var storable = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            storable.Append((rune.Value == 0 ? Rune.ReplacementChar : rune).ToString());
        }

        return storable.ToString();
    }
}
