using System.Data.Common;
using Google.Protobuf;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>
/// Predictions on disk, the newest <see cref="Limits.PredictionsKeptMax"/>. Numbered in the order of their commits, also where several processes share the database, because a commit has the row of the number locked:
/// whoever has seen a number has seen all before it. Any thread may call.
/// <code>
///   predictions          one row each: question, answer as served, vector as last amended
///   prediction_entities  one row for each entity behind it: what finds the predictions that an event concerns
/// </code>
/// </summary>
internal sealed class PredictionTable(MetadataDatabase database)
{
    private const string Columns = "sequence, id, definition_hash, as_of_micros, served_micros, question, answer, said";

    public MetadataDatabase Database => database;

    /// <summary>
    /// Keeps the predictions of several calls in one transaction, and says of each call what it was refused for, or null. A call is kept whole or not at all. An id that is kept already is a repetition where
    /// the question is the same: of an instant that the client stated, nothing changes; of "now", the newer answer takes the place of the older.
    /// </summary>
    /// <exception cref="MetadataException">Nothing was kept.</exception>
    public RequestRefusedException?[] Keep(IReadOnlyList<IReadOnlyList<Prediction>> calls) => database.Write((connection, _) => Keep(connection, calls));

    /// <summary>Up to <paramref name="limit"/> predictions behind a number, oldest first.</summary>
    public List<Prediction> Behind(long sequence, int limit) => Select("WHERE sequence > @p1 ORDER BY sequence LIMIT @p2", sequence, limit);

    /// <summary>Up to <paramref name="limit"/> predictions, behind a number, that rest on an entity at an instant or later.</summary>
    public List<Prediction> Concerned(long entity, EventTime since, long behind, int limit) => Select(
        "WHERE sequence IN (SELECT prediction FROM prediction_entities WHERE entity = @p1 AND as_of_micros >= @p2 AND prediction > @p3 ORDER BY prediction LIMIT @p4) ORDER BY sequence", entity, since.Micros, behind, limit);

    /// <summary>Those that live state could not answer any more, with the marks they have; oldest first.</summary>
    public List<(Prediction Prediction, byte[] Due)> Due(int limit) => database.Read(connection => connection.Rows(
        $"SELECT {Columns}, due FROM predictions WHERE due IS NOT NULL ORDER BY sequence LIMIT @p1", row => (Of(row), (byte[])row.GetValue(8)), limit));

    /// <summary>Up to <paramref name="limit"/> entities behind an entity's number, each with the newest instant that a prediction up to <paramref name="through"/> reads it at.</summary>
    public List<(long Entity, long NewestAsOf)> Entities(long behind, long through, int limit) => database.Read(connection => connection.Rows(
        "SELECT entity, max(as_of_micros) FROM prediction_entities WHERE entity > @p1 AND prediction <= @p2 GROUP BY entity ORDER BY entity LIMIT @p3", row => (row.GetInt64(0), row.GetInt64(1)), behind, through, limit));

    /// <summary>The entities that predictions behind a number and up to another read, and when.</summary>
    public List<(long Entity, long AsOf)> EntitiesOf(long behind, long through) => database.Read(connection => connection.Rows(
        "SELECT entity, as_of_micros FROM prediction_entities WHERE prediction > @p1 AND prediction <= @p2", row => (row.GetInt64(0), row.GetInt64(1)), behind, through));

    public bool IsEmpty() => database.Read(connection => connection.Scalar("SELECT count(*) FROM (SELECT 1 FROM predictions LIMIT 1) AS any_row")) == 0;

    public (long Kept, long LetGo, long Due) Counts() => database.Read(connection =>
        (connection.Scalar("SELECT count(*) FROM predictions"), connection.Scalar("SELECT let_go FROM prediction_head"), connection.Scalar("SELECT count(*) FROM predictions WHERE due IS NOT NULL")));

    /// <summary>Lets those go that were served before an instant.</summary>
    public void LetGoServedBefore(EventTime time) => database.Write((connection, _) =>
    {
        // Numbers and times grow together, so the scan ends at the first that stays.
        List<long> first = connection.Rows("SELECT sequence FROM predictions WHERE served_micros >= @p1 ORDER BY sequence LIMIT 1", row => row.GetInt64(0), time.Micros);
        long newest = first.Count > 0 ? first[0] - 1 : connection.Scalar("SELECT newest FROM prediction_head");
        LetGoThrough(connection, newest);
        return newest;
    });

    /// <summary>Inside a transaction.</summary>
    public static void Delete(DbConnection connection, IEnumerable<long> sequences)
    {
        object[][] rows = [.. sequences.Select(sequence => (object[])[sequence])];
        connection.ExecuteAll("DELETE FROM predictions WHERE sequence = @p1", rows);
        connection.ExecuteAll("DELETE FROM prediction_entities WHERE prediction = @p1", rows);
    }

    private static RequestRefusedException?[] Keep(DbConnection connection, IReadOnlyList<IReadOnlyList<Prediction>> calls)
    {
        connection.Execute("UPDATE prediction_head SET newest = newest + @p1", (long)calls.Sum(call => call.Count));
        long newest = connection.Scalar("SELECT newest FROM prediction_head");
        long next = newest - calls.Sum(call => call.Count) + 1;
        List<List<Prediction>> numbered = [.. calls.Select(call => call.Select(prediction => prediction with { Sequence = next++ }).ToList())];
        Insert(connection, numbered.SelectMany(call => call));
        var refusals = new RequestRefusedException?[calls.Count];
        if (connection.Scalar("SELECT count(*) FROM predictions WHERE sequence > @p1", newest - numbered.Sum(call => call.Count)) < numbered.Sum(call => call.Count))
        {
            refusals = [.. numbered.Select(call => Settle(connection, call))];
        }

        connection.ExecuteAll(
            "INSERT INTO prediction_entities SELECT sequence, @p2, as_of_micros FROM predictions WHERE sequence = @p1 ON CONFLICT DO NOTHING",
            numbered.SelectMany(call => call).SelectMany(prediction => prediction.Entities.Select(entity => (object[])[prediction.Sequence, entity])));
        LetGoThrough(connection, newest - Limits.PredictionsKeptMax);
        return refusals;
    }

    /// <summary>What becomes of a call of which an id may have been there already.</summary>
    private static RequestRefusedException? Settle(DbConnection connection, List<Prediction> call)
    {
        foreach (Prediction prediction in call)
        {
            (long sequence, byte[] question) = connection.Rows("SELECT sequence, question FROM predictions WHERE id = @p1", row => (row.GetInt64(0), (byte[])row.GetValue(1)), prediction.Id)[0];
            if (sequence == prediction.Sequence)
            {
                continue;
            }

            if (!question.AsSpan().SequenceEqual(prediction.Question.ToByteArray()))
            {
                Delete(connection, call.Select(each => each.Sequence));
                return Refuse.Argument("prediction_ids", $"'{prediction.Id}' names a prediction already, of another question", "give every prediction an id of its own; the same id is for the same call again, word for word");
            }

            if (prediction.Question.AsOfMicros.Count == 0)
            {
                Delete(connection, [sequence]);
                Insert(connection, [prediction]);
            }
        }

        return null;
    }

    private static void Insert(DbConnection connection, IEnumerable<Prediction> predictions) => connection.ExecuteAll(
        "INSERT INTO predictions (sequence, id, definition_hash, as_of_micros, served_micros, question, answer) VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7) ON CONFLICT (id) DO NOTHING",
        predictions.Select(prediction => (object[])
            [prediction.Sequence, prediction.Id, prediction.DefinitionHash, prediction.AsOf.Micros, prediction.ServedAt.Micros, prediction.Question.ToByteArray(), prediction.Answer.ToByteArray()]));

    private static void LetGoThrough(DbConnection connection, long sequence)
    {
        long gone = connection.Execute("DELETE FROM predictions WHERE sequence <= @p1", sequence);
        if (gone > 0)
        {
            connection.Execute("DELETE FROM prediction_entities WHERE prediction <= @p1", sequence);
            connection.Execute("UPDATE prediction_head SET let_go = let_go + @p1", gone);
        }
    }

    private List<Prediction> Select(string which, params object[] parameters) => database.Read(connection => connection.Rows($"SELECT {Columns} FROM predictions {which}", Of, parameters));

    private static Prediction Of(DbDataReader row) => new(
        row.GetString(1), row.GetString(2), new EventTime(row.GetInt64(3)), new EventTime(row.GetInt64(4)),
        GetFeaturesRequest.Parser.ParseFrom((byte[])row.GetValue(5)), GetFeaturesResponse.Parser.ParseFrom((byte[])row.GetValue(6)), [])
    {
        Sequence = row.GetInt64(0),
        Amended = row.IsDBNull(7) ? null : FeatureRows.Parser.ParseFrom((byte[])row.GetValue(7)),
    };
}
