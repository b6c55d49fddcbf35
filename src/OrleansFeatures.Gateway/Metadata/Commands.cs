using Microsoft.Data.Sqlite;

namespace OrleansFeatures.Gateway.Metadata;

/// <summary>SQL in one line, parameters by position as <c>?1, ?2, …</c>.</summary>
internal static class Commands
{
    public static int Execute(this SqliteConnection connection, string sql, params object[] parameters)
    {
        using SqliteCommand command = connection.Command(sql, parameters);
        return command.ExecuteNonQuery();
    }

    public static long Scalar(this SqliteConnection connection, string sql, params object[] parameters)
    {
        using SqliteCommand command = connection.Command(sql, parameters);
        return command.ExecuteScalar() is long value ? value : 0;
    }

    public static List<T> Rows<T>(this SqliteConnection connection, string sql, Func<SqliteDataReader, T> row, params object[] parameters)
    {
        using SqliteCommand command = connection.Command(sql, parameters);
        using SqliteDataReader reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(row(reader));
        }

        return rows;
    }

    private static SqliteCommand Command(this SqliteConnection connection, string sql, object[] parameters)
    {
        SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        for (int i = 0; i < parameters.Length; i++)
        {
            command.Parameters.AddWithValue($"?{i + 1}", parameters[i]);
        }

        return command;
    }
}
