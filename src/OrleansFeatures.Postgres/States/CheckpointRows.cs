using Npgsql;

namespace OrleansFeatures.Postgres.States;

/// <summary>
/// A checkpoint's rows as statements. Single inserts cost a round of parsing, planning and executing each; here a statement takes some hundred rows as arrays, one array a column, which unnest makes rows of
/// again, and all statements travel together.
/// <code>
///   rows in order of (type, key)   | 1 .. 400 | 401 .. 800 | 801 .. 1000 |    a statement each: by rows and by bytes
/// </code>
/// Order: neighbours in the index are written together. It also shows an entity that is given twice, which PostgreSQL would refuse in the middle.
/// </summary>
internal static class CheckpointRows
{
    /// <exception cref="ArgumentException">The same entity twice, or a key or state beyond its limit.</exception>
    public static EntityRow[] InOrder(IReadOnlyList<EntityRow> rows)
    {
        EntityRow[] ordered = [.. rows];
        Array.Sort(ordered, Compare);
        for (int i = 0; i < ordered.Length; i++)
        {
            if (ordered[i].Key.Length > Limits.EntityKeyBytesMax || ordered[i].State.Length > Limits.EntityStateBytesMax)
            {
                throw new ArgumentException($"an entity of type {ordered[i].EntityType} has a key of {ordered[i].Key.Length} bytes and a state of {ordered[i].State.Length}; at most {Limits.EntityKeyBytesMax} and {Limits.EntityStateBytesMax} can be kept", nameof(rows));
            }

            if (i > 0 && Compare(ordered[i - 1], ordered[i]) == 0)
            {
                throw new ArgumentException($"an entity of type {ordered[i].EntityType}, key {Convert.ToHexString(ordered[i].Key.Span)}, is given twice; give its newest state only", nameof(rows));
            }
        }

        return ordered;
    }

    public static NpgsqlBatch Batch(NpgsqlConnection connection, string upsert, PartitionClaim claim, EntityRow[] ordered)
    {
        var batch = new NpgsqlBatch(connection);
        for (int start = 0; start < ordered.Length;)
        {
            int count = CountOf(ordered.AsSpan(start));
            batch.BatchCommands.Add(Statement(upsert, claim, ordered.AsSpan(start, count)));
            start += count;
        }

        return batch;
    }

    /// <summary>How many of the rows go into one statement: one at least.</summary>
    private static int CountOf(ReadOnlySpan<EntityRow> rows)
    {
        long bytes = 0;
        int count = 0;
        while (count < Math.Min(rows.Length, Limits.RowsPerStatement) && (count == 0 || bytes + rows[count].State.Length <= Limits.BytesPerStatement))
        {
            bytes += rows[count++].State.Length;
        }

        return count;
    }

    private static NpgsqlBatchCommand Statement(string upsert, PartitionClaim claim, ReadOnlySpan<EntityRow> rows)
    {
        var types = new int[rows.Length];
        var keys = new ReadOnlyMemory<byte>[rows.Length];
        var versions = new long[rows.Length];
        var formats = new short[rows.Length];
        var states = new ReadOnlyMemory<byte>[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            (types[i], keys[i], versions[i], formats[i], states[i]) = (unchecked((int)rows[i].EntityType), rows[i].Key, rows[i].Version, rows[i].Format, rows[i].State);
        }

        return new NpgsqlBatchCommand(upsert)
        {
            Parameters =
            {
                StateStatements.Value(claim.Generation), StateStatements.Value(claim.Partition.Value), StateStatements.Value(types), StateStatements.Value(keys), StateStatements.Value(versions),
                StateStatements.Value(formats), StateStatements.Value(states),
            },
        };
    }

    /// <summary>As the index orders them: types as signed numbers, keys as unsigned bytes.</summary>
    private static int Compare(EntityRow left, EntityRow right)
    {
        int byType = unchecked((int)left.EntityType).CompareTo(unchecked((int)right.EntityType));
        return byType != 0 ? byType : left.Key.Span.SequenceCompareTo(right.Key.Span);
    }
}
