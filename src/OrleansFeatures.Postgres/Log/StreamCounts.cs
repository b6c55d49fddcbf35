using Npgsql;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Postgres.Log;

/// <summary>What is counted of one stream, over the whole cluster.</summary>
/// <param name="Accepted">Events in history that have not been taken back, forgotten ones included.</param>
/// <param name="Forgotten">Events that stand whose ids have been forgotten.</param>
/// <param name="ForgottenThrough">Up to which time ids may have been forgotten; null: none has.</param>
/// <param name="Floor">The newest event time of records that were dropped; null: none was.</param>
public readonly record struct StreamCounts(long Accepted, long Forgotten, EventTime? ForgottenThrough, EventTime? Floor)
{
    internal static async Task<IReadOnlyDictionary<uint, StreamCounts>> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var counts = new Dictionary<uint, StreamCounts>();
        await using var command = new NpgsqlCommand("SELECT stream, accepted, forgotten, forgotten_through, floor_micros FROM stream_counts", connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            counts[(uint)reader.GetInt32(0)] = new StreamCounts(reader.GetInt64(1), reader.GetInt64(2), Known(reader.GetInt64(3)), Known(reader.GetInt64(4)));
        }

        return counts;
    }

    private static EventTime? Known(long micros) => micros == long.MinValue ? null : new EventTime(micros);
}
