using OrleansFeatures.Gateway.Metadata;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>An event that was refused, and why.</summary>
/// <param name="Stream">As the producer named it; it may not exist.</param>
/// <param name="ArrivalMicros">When it was refused.</param>
/// <param name="Field">The field at fault; empty when it is the event as a whole.</param>
/// <param name="Reason">What is wrong.</param>
/// <param name="Fix">What would make it right.</param>
/// <param name="Json">The event as it came, cut at <see cref="Limits.QuarantineJsonBytesMax"/>.</param>
public sealed record RefusedEvent(string Stream, long ArrivalMicros, string Field, string Reason, string Fix, string Json)
{
    /// <summary>Its number in the quarantine, growing; zero before it is kept.</summary>
    public long Id { get; init; }
}

/// <summary>
/// Events that were refused, the newest <see cref="Limits.QuarantineRowsMax"/>, on disk when the call returns. Any thread may call.
/// </summary>
public sealed class Quarantine(MetadataDatabase database)
{
    /// <summary>Keeps a batch, in one transaction; the oldest events make room.</summary>
    /// <exception cref="MetadataException">Nothing of the batch was kept.</exception>
    public void Add(IReadOnlyCollection<RefusedEvent> batch)
    {
        if (batch.Count == 0)
        {
            return;
        }

        database.Write((connection, _) =>
        {
            connection.ExecuteAll(
                "INSERT INTO quarantine (stream, arrival_micros, field, reason, fix, json) VALUES (@p1, @p2, @p3, @p4, @p5, @p6)",
                batch.Skip(batch.Count - Limits.QuarantineRowsMax).Select(refused => (object[])
                    [refused.Stream, refused.ArrivalMicros, refused.Field, refused.Reason, refused.Fix, QuarantineJson.Cut(refused.Json)]));
            return connection.Execute("DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - @p1", Limits.QuarantineRowsMax);
        });
    }

    /// <summary>The newest events first, at most <paramref name="limit"/> and at most <see cref="Limits.QuarantineListMax"/>. A null stream means all.</summary>
    public IReadOnlyList<RefusedEvent> List(string? stream, int limit) => database.Read(connection => connection.Rows(
        $"SELECT stream, arrival_micros, field, reason, fix, json, id FROM quarantine WHERE {Of(stream)} ORDER BY id DESC LIMIT @p2",
        row => new RefusedEvent(row.GetString(0), row.GetInt64(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5)) { Id = row.GetInt64(6) },
        stream ?? "",
        Math.Clamp(limit, 0, Limits.QuarantineListMax)));

    /// <summary>How many are kept of a stream, or of all.</summary>
    public long Count(string? stream = null) => database.Read(connection => connection.Scalar($"SELECT count(*) FROM quarantine WHERE {Of(stream)}", stream ?? ""));

    private static string Of(string? stream) => stream is null ? "@p1 = ''" : "stream = @p1";
}
