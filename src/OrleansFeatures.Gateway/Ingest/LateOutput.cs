using System.Text.Json;
using OrleansFeatures.Gateway.Metadata;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>An event that came too late for somebody. History has it all the same.</summary>
/// <param name="Stream">Its stream.</param>
/// <param name="ArrivalMicros">When it came.</param>
/// <param name="EventTimeMicros">When it happened.</param>
/// <param name="StreamTimeMicros">Stream time when it came; it was late by the difference.</param>
/// <param name="Views">The views that do not take it; empty: it was older than anything that a live value could show.</param>
/// <param name="Json">The event as it came, cut at <see cref="Limits.QuarantineJsonBytesMax"/>.</param>
public sealed record LateArrival(string Stream, long ArrivalMicros, long EventTimeMicros, long StreamTimeMicros, IReadOnlyList<MissedView> Views, string Json)
{
    /// <summary>Its number in the late output, growing; zero before it is kept.</summary>
    public long Id { get; init; }
}

/// <summary>A view, by its name (and version, where it is not the newest), and the lateness that it allows.</summary>
public sealed record MissedView(string View, long AllowedMicros);

/// <summary>
/// Events that came too late, the newest <see cref="Limits.LateRowsMax"/>, on disk when the call returns. Any thread may call.
/// </summary>
public sealed class LateOutput(MetadataDatabase database)
{
    /// <summary>Keeps a batch, in one transaction; the oldest events make room.</summary>
    /// <exception cref="MetadataException">Nothing of the batch was kept.</exception>
    public void Add(IReadOnlyCollection<LateArrival> batch)
    {
        if (batch.Count == 0)
        {
            return;
        }

        database.Write((connection, _) =>
        {
            connection.ExecuteAll(
                "INSERT INTO late (stream, arrival_micros, event_micros, stream_micros, views, json) VALUES (@p1, @p2, @p3, @p4, @p5, @p6)",
                batch.Skip(batch.Count - Limits.LateRowsMax).Select(late => (object[])
                    [late.Stream, late.ArrivalMicros, late.EventTimeMicros, late.StreamTimeMicros, JsonSerializer.Serialize(late.Views), QuarantineJson.Cut(late.Json)]));
            return connection.Execute("DELETE FROM late WHERE id <= (SELECT max(id) FROM late) - @p1", Limits.LateRowsMax);
        });
    }

    /// <summary>The newest events first, at most <paramref name="limit"/> and at most <see cref="Limits.QuarantineListMax"/>. A null stream means all.</summary>
    public IReadOnlyList<LateArrival> List(string? stream, int limit) => database.Read(connection => connection.Rows(
        $"SELECT stream, arrival_micros, event_micros, stream_micros, views, json, id FROM late WHERE {Of(stream)} ORDER BY id DESC LIMIT @p2",
        row => new LateArrival(
            row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), JsonSerializer.Deserialize<MissedView[]>(row.GetString(4)) ?? [], row.GetString(5)) { Id = row.GetInt64(6) },
        stream ?? "",
        Math.Clamp(limit, 0, Limits.QuarantineListMax)));

    /// <summary>How many are kept of a stream, or of all.</summary>
    public long Count(string? stream = null) => database.Read(connection => connection.Scalar($"SELECT count(*) FROM late WHERE {Of(stream)}", stream ?? ""));

    private static string Of(string? stream) => stream is null ? "@p1 = ''" : "stream = @p1";
}
