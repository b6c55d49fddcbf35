using System.Runtime.CompilerServices;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Following;

/// <summary>
/// Goes along the log behind the partitions. Its place is a sequence, and there is no queue between it and anybody: it reads when it is asked for the next slice, so whoever is slow is behind, and nothing else.
/// <code>
///   log      ... | slice | slice ......... A ........ D        A: applied, as far as the host can tell; D: durable
///                        ^ asked for the next: what there is up to A, at most a slice; where there is nothing, once A has moved
/// </code>
/// A host that cannot tell how far all partitions have come (they are in other processes) lets it read to D, and waits for the partitions that the slice concerns before it is shown.
/// </summary>
internal static class LogFollowing
{
    public static async IAsyncEnumerable<AppliedChanges> RunAsync(IFollowedLog followed, LogSequence after, ChangeFilter? filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using IRecordCursor cursor = followed.Records.Cursor(new LogSequence(after.Value + 1));
        while (true)
        {
            LogSequence readable = await followed.WaitReadableAsync(after, cancellationToken);
            (List<EntityChange> changes, LogSequence through) = await Background.Run(() => Slice(cursor, readable, filter, cancellationToken), cancellationToken);
            await followed.WaitAppliedAsync(EndsOf(changes), cancellationToken);
            after = through;
            yield return new AppliedChanges(changes, through);
        }
    }

    private static (List<EntityChange> Changes, LogSequence Through) Slice(IRecordCursor cursor, LogSequence readable, ChangeFilter? filter, CancellationToken cancellationToken)
    {
        var visitor = new SliceVisitor(filter);
        LogSequence through = cursor.Read(readable, ref visitor, cancellationToken);
        return (visitor.Changes, through);
    }

    /// <summary>By partition the last of its changes: where it has applied that it has applied the others.</summary>
    private static Dictionary<PartitionId, LogOffset> EndsOf(List<EntityChange> changes)
    {
        var ends = new Dictionary<PartitionId, LogOffset>();
        foreach (EntityChange change in changes)
        {
            ends[change.Partition] = change.Offset;
        }

        return ends;
    }
}

/// <summary>What following needs to know of a host.</summary>
internal interface IFollowedLog
{
    IRecordSource Records { get; }

    /// <summary>Waits until records behind a sequence may be read; returns the newest.</summary>
    ValueTask<LogSequence> WaitReadableAsync(LogSequence after, CancellationToken cancellationToken);

    /// <summary>Waits until each partition has applied so much. At once where <see cref="WaitReadableAsync"/> has seen to that.</summary>
    ValueTask WaitAppliedAsync(IReadOnlyDictionary<PartitionId, LogOffset> ends, CancellationToken cancellationToken);
}
