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
public sealed record PartitionBatch(PartitionId Partition, LogOffset First, LogOffset Last, ReadOnlyMemory<byte> Frames);
