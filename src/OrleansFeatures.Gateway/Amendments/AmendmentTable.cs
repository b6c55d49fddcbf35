using System.Data.Common;
using Google.Protobuf;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>How far detection has come.</summary>
/// <param name="Version">Grows with every commit: whoever commits on top of another's is told.</param>
/// <param name="LogThrough">Everything in the log up to here has been compared with what is watched.</param>
/// <param name="TakenUp">The newest prediction that is watched.</param>
/// <param name="Newest">The newest amendment's number.</param>
/// <param name="Retired">Predictions that are not watched any more, because their definitions are not what they were.</param>
internal sealed record AmendmentHead(long Version, long LogThrough, long TakenUp, long Newest, long Retired);

/// <summary>What one commit of detection writes.</summary>
internal sealed class AmendmentStep
{
    /// <summary>Predictions that have changed: the vector that they are said to be now, and the message that says so, without its number. <c>Due</c> is the mark that this settles; null where live state has told.</summary>
    public List<(Prediction Prediction, FeatureRows Now, Amendment Amendment, byte[]? Due)> Amended { get; } = [];

    /// <summary>Predictions that live state cannot answer any more, with the cause of the question as a mark.</summary>
    public List<(long Prediction, byte[] Mark)> Due { get; } = [];

    /// <summary>Those that the log has answered, and that are what they were said to be.</summary>
    public List<(long Prediction, byte[] Mark)> Settled { get; } = [];

    /// <summary>Those whose definitions have changed.</summary>
    public List<long> Retired { get; } = [];

    public bool IsEmpty => Amended.Count + Due.Count + Settled.Count + Retired.Count == 0;
}

/// <summary>Amendments on disk, the newest <see cref="Limits.AmendmentsKeptMax"/>, numbered without holes; and how far detection has come, always in the same transaction. Any thread may call.</summary>
internal sealed class AmendmentTable(MetadataDatabase database)
{
    public AmendmentHead Head() => database.Read(HeadIn);

    /// <summary>Writes a step on top of a head; the head as it is then. Null: somebody else has moved on from there, and nothing was written.</summary>
    /// <exception cref="MetadataException">Nothing was written.</exception>
    public AmendmentHead? Commit(AmendmentHead head, AmendmentStep step) => database.Write<AmendmentHead?>((connection, _) =>
    {
        AmendmentHead next = head with { Version = head.Version + 1, Retired = head.Retired + step.Retired.Count };
        if (connection.Execute("UPDATE amendment_head SET version = @p1, log_through = @p2, taken_up = @p3, retired = @p4 WHERE version = @p5", next.Version, next.LogThrough, next.TakenUp, next.Retired, head.Version) != 1)
        {
            return null;
        }

        next = next with { Newest = head.Newest + Write(connection, head.Newest, step) };
        connection.Execute("UPDATE amendment_head SET newest = @p1", next.Newest);
        connection.Execute("DELETE FROM amendments WHERE sequence <= @p1", next.Newest - Limits.AmendmentsKeptMax);
        connection.ExecuteAll("UPDATE predictions SET due = @p2 WHERE sequence = @p1", step.Due.Select(due => (object[])[due.Prediction, due.Mark]));
        connection.ExecuteAll("UPDATE predictions SET due = NULL WHERE sequence = @p1 AND due = @p2", step.Settled.Select(settled => (object[])[settled.Prediction, settled.Mark]));
        PredictionTable.Delete(connection, step.Retired);
        return next;
    });

    /// <summary>Amendments behind a number whose prediction's id begins so, oldest first, at most <paramref name="limit"/>; and through which number that looked.</summary>
    public (List<Amendment> Amendments, long Through) Behind(long sequence, string prefix, int limit) => database.Read(connection =>
    {
        List<Amendment> looked = connection.Rows("SELECT amendment, sequence FROM amendments WHERE sequence > @p1 ORDER BY sequence LIMIT @p2", Of, sequence, limit);
        return (looked.FindAll(amendment => amendment.PredictionId.StartsWith(prefix, StringComparison.Ordinal)), looked.Count == 0 ? sequence : (long)looked[^1].Sequence);
    });

    /// <summary>The oldest number that is kept; null while there is none.</summary>
    public long? Oldest() => database.Read(connection => connection.Scalar("SELECT coalesce(min(sequence), 0) FROM amendments")) is > 0 and long oldest ? oldest : null;

    private static AmendmentHead HeadIn(DbConnection connection) => connection.Rows(
        "SELECT version, log_through, taken_up, newest, retired FROM amendment_head", row => new AmendmentHead(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4)))[0];

    /// <summary>How many were written. What the log has told of a prediction is dropped where its mark has changed meanwhile: then it is asked again.</summary>
    private static int Write(DbConnection connection, long newest, AmendmentStep step)
    {
        var rows = new List<object[]>();
        foreach ((Prediction prediction, FeatureRows now, Amendment amendment, byte[]? due) in step.Amended)
        {
            string onlyIf = due is null ? "" : " AND due = @p3";
            object[] parameters = due is null ? [prediction.Sequence, now.ToByteArray()] : [prediction.Sequence, now.ToByteArray(), due];
            if (connection.Execute($"UPDATE predictions SET said = @p2, due = NULL WHERE sequence = @p1{onlyIf}", parameters) == 1)
            {
                rows.Add([newest + rows.Count + 1, amendment.PredictionId, amendment.AmendedAtMicros, amendment.ToByteArray()]);
            }
        }

        connection.ExecuteAll("INSERT INTO amendments (sequence, prediction_id, amended_micros, amendment) VALUES (@p1, @p2, @p3, @p4)", rows);
        return rows.Count;
    }

    private static Amendment Of(DbDataReader row)
    {
        Amendment amendment = Amendment.Parser.ParseFrom((byte[])row.GetValue(0));
        amendment.Sequence = (ulong)row.GetInt64(1);
        return amendment;
    }
}
