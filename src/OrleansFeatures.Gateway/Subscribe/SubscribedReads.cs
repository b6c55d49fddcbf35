using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Gateway.Subscribe;

/// <summary>
/// Reads rows as of the newest event time of their entities. That time is known only by a read, so it is guessed from what the changes said, which is right unless an event came out of order; rows whose entities say otherwise are read again. One thread
/// at a time.
/// </summary>
internal sealed class SubscribedReads(IEntityHost host, Selection selection, Value[] context, VectorCondition? condition)
{
    /// <summary>An entity that gets an event between every two reads is not waited for: its next change sends its row again.</summary>
    private const int AttemptsMax = 3;

    /// <summary>The rows for which the condition holds.</summary>
    public async ValueTask<FeatureRead> ReadAsync(IReadOnlyList<ChangedRow> rows, CancellationToken cancellationToken)
    {
        FeatureRead read = Question(rows);
        await host.ReadAsync(read, cancellationToken).ConfigureAwait(false);
        for (int attempt = 1; attempt < AttemptsMax && Misjudged(read) is { Count: > 0 } misjudged; attempt++)
        {
            FeatureRead again = Question([.. misjudged.Select(row => new ChangedRow(rows[row].Keys, NewestOf(read, row)))]);
            await host.ReadAsync(again, cancellationToken).ConfigureAwait(false);
            for (int index = 0; index < misjudged.Count; index++)
            {
                Copy(again, index, read, misjudged[index]);
            }
        }

        return condition is null ? read : Kept(read);
    }

    private FeatureRead Question(IReadOnlyList<ChangedRow> rows)
    {
        var read = new FeatureRead(selection, rows.Count);
        for (int row = 0; row < rows.Count; row++)
        {
            rows[row].Keys.CopyTo(read.Keys, row * selection.Entities.Length);
            context.CopyTo(read.Context, row * context.Length);
            read.AsOf[row] = rows[row].Newest;
        }

        return read;
    }

    private static List<int> Misjudged(FeatureRead read) => [.. Enumerable.Range(0, read.Rows).Where(row => NewestOf(read, row) != read.AsOf[row])];

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
