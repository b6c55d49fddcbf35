using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// The ends of a log's partitions, as this process follows them: whoever applies records waits here for those to come. Any thread may call.
/// </summary>
public interface IPartitionTails
{
    /// <summary>
    /// Follows a partition from behind <paramref name="after"/>; <see cref="LogOffset.None"/> is from its first record. Several may follow the same one. The caller disposes it.
    /// </summary>
    PartitionTail Open(PartitionId partition, LogOffset after);

    /// <summary>The partition's last durable record that this process knows of; <see cref="LogOffset.None"/> before the first. Never goes back.</summary>
    LogOffset Durable(PartitionId partition);

    /// <summary>Completes once a record behind <paramref name="offset"/> is known to be durable; at once where one is.</summary>
    ValueTask WaitDurableBeyondAsync(PartitionId partition, LogOffset offset, CancellationToken ct);
}

/// <summary>One reader's place behind the end of a partition. One read at a time; a read that is cancelled has taken nothing.</summary>
public abstract class PartitionTail : IAsyncDisposable
{
    /// <summary>
    /// The next batches in offset order, without gaps. Waits until there is one (a long poll: no timer stands between an append and this); then gives what there is, up to
    /// <paramref name="bytesMax"/> of frames, and at least one batch however large. Never answers with none. Where PostgreSQL cannot be reached it waits or throws a <see cref="LogException"/>; a
    /// later call goes on at the same place.
    /// </summary>
    public abstract ValueTask<IReadOnlyList<PartitionBatch>> ReadAsync(int bytesMax, CancellationToken ct);

    public abstract ValueTask DisposeAsync();
}

/// <summary>What one append gave to one partition: its records from <paramref name="First"/> through <paramref name="Last"/>, as whole frames one after the other. Nobody writes to the bytes again.</summary>
public sealed record PartitionBatch(PartitionId Partition, LogOffset First, LogOffset Last, ReadOnlyMemory<byte> Frames)
{
    /// <summary>The same without the records before an offset that lies in it.</summary>
    /// <exception cref="LogCorruptException">The frames are not what was stored.</exception>
    internal PartitionBatch From(LogOffset first)
    {
        for (LogRecords.Enumerator walk = LogRecords.Of(Frames, Place).GetEnumerator(); walk.MoveNext();)
        {
            if (walk.Current.Offset == first)
            {
                return this with { First = first, Frames = Frames[walk.Position..] };
            }
        }

        throw Lacks(first);
    }

    /// <summary>The same without the records behind an offset that lies in it.</summary>
    /// <exception cref="LogCorruptException">The frames are not what was stored.</exception>
    internal PartitionBatch Through(LogOffset last)
    {
        for (LogRecords.Enumerator walk = LogRecords.Of(Frames, Place).GetEnumerator(); walk.MoveNext();)
        {
            if (walk.Current.Offset == last)
            {
                return this with { Last = last, Frames = Frames[..(walk.Position + walk.Current.Frame.Length)] };
            }
        }

        throw Lacks(last);
    }

    private string Place => $"row {First} of partition {Partition} in log_records";

    private LogCorruptException Lacks(LogOffset offset) => new(Place, 0, LogSequence.None, LogSequence.None, $"it should hold offset {offset} and does not");
}
