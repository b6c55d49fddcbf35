using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Entities.Remote;

namespace OrleansFeatures.Gateway.Subscribe;

/// <summary>
/// Reads rows as of the newest event time of their entities. That time is known only by a read, so it is guessed from what the changes said, which is right unless an event came out of order; rows whose entities say otherwise are read again. One thread
/// at a time.
/// </summary>
internal sealed class SubscribedReads(IEntityHost host, Selection selection, Value[] context, VectorCondition? condition, TimeProvider time)
{
    /// <summary>An entity that gets an event between every two reads is not waited for: its next change sends its row again.</summary>
    private const int AttemptsMax = 3;

    /// <summary>The rows for which the condition holds. A row with an entity that is damaged is INVALID: were it to fail the call, so would every call that resumes there.</summary>
    /// <exception cref="PartitionUnavailableException">Whoever has an entity does not answer.</exception>
    public async ValueTask<FeatureRead> ReadAsync(IReadOnlyList<ChangedRow> rows, CancellationToken cancellationToken)
    {
        FeatureRead read = await AskAsync(rows, cancellationToken).ConfigureAwait(false);
        for (int attempt = 1; attempt < AttemptsMax && Misjudged(read) is { Count: > 0 } misjudged; attempt++)
        {
            FeatureRead again = await AskAsync([.. misjudged.Select(row => new ChangedRow(rows[row].Keys, NewestOf(read, row)))], cancellationToken).ConfigureAwait(false);
            for (int index = 0; index < misjudged.Count; index++)
            {
                Copy(again, index, read, misjudged[index]);
            }
        }

        return condition is null ? read : Kept(read);
    }

    private async ValueTask<FeatureRead> AskAsync(IReadOnlyList<ChangedRow> rows, CancellationToken cancellationToken)
    {
        using var partial = new PartialRows(rows.Count, Timeout.InfiniteTimeSpan, time);
        var read = new FeatureRead(selection, rows.Count) { Partial = partial };
        for (int row = 0; row < rows.Count; row++)
        {
            rows[row].Keys.CopyTo(read.Keys, row * selection.Entities.Length);
            context.CopyTo(read.Context, row * context.Length);
            read.AsOf[row] = rows[row].Newest;
        }

        await host.ReadAsync(read, cancellationToken).ConfigureAwait(false);
        int unavailable = partial.Outcomes.IndexOf(RowOutcome.Unavailable);
        return unavailable < 0 ? read : throw new PartitionUnavailableException(host.Partitions.Of(selection.Entities[0].Entity, read.KeyOf(unavailable, 0)), "a row that has changed was not answered");
    }

    private static List<int> Misjudged(FeatureRead read) => [.. Enumerable.Range(0, read.Rows).Where(row => !read.Partial!.IsGivenUp(row) && NewestOf(read, row) != read.AsOf[row])];

    private static EventTime NewestOf(FeatureRead read, int row)
    {
        int entities = read.Selection.Entities.Length;
        long newest = 0;
        foreach (EntityStamp stamp in read.Stamps.AsSpan(row * entities, entities))
        {
            newest = Math.Max(newest, stamp.LastEventTimeMicros);
        }

        return new EventTime(newest);
    }

    private FeatureRead Kept(FeatureRead read)
    {
        List<int> kept = [.. Enumerable.Range(0, read.Rows).Where(row => condition!.Holds(read.Answer(row, 1)))];
        if (kept.Count == read.Rows)
        {
            return read;
        }

        var fewer = new FeatureRead(selection, kept.Count);
        for (int row = 0; row < kept.Count; row++)
        {
            Copy(read, kept[row], fewer, row);
        }

        return fewer;
    }

    private void Copy(FeatureRead from, int fromRow, FeatureRead to, int toRow)
    {
        int entities = selection.Entities.Length;
        int features = selection.Features.Length;
        from.Keys.AsSpan(fromRow * entities, entities).CopyTo(to.Keys.AsSpan(toRow * entities));
        from.Stamps.AsSpan(fromRow * entities, entities).CopyTo(to.Stamps.AsSpan(toRow * entities));
        from.Values.AsSpan(fromRow * features, features).CopyTo(to.Values.AsSpan(toRow * features));
        from.Context.AsSpan(fromRow * context.Length, context.Length).CopyTo(to.Context.AsSpan(toRow * context.Length));
        to.AsOf[toRow] = from.AsOf[fromRow];
    }
}
