using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// That this silo owns a partition, from the claim until somebody else has claimed it or it was given up, and how far it has come with it. Any thread.
/// <code>
///   claimed at checkpoint c ──catches up──> m: all that was durable when it was claimed ──> answers reads ──> over
/// </code>
/// Reads are answered from <c>m</c> on, so that nobody sees less here than the owner before had shown. An owner that could not confirm itself for <see cref="Limits.OwnerConfirmedFor"/> does not answer: it may have been asleep,
/// and another may own the partition.
/// </summary>
internal sealed class Ownership(PartitionClaim claim, LogOffset mustReach, TimeProvider time) : IDisposable
{
    private readonly TokenWaiters _waiters = new();
    private long _applied = claim.Applied.Value;
    private long _confirmedAt = time.GetTimestamp();
    private int _isOver;

    public PartitionClaim Claim => claim;

    public PartitionId Partition => claim.Partition;

    /// <summary>The newest record that all its entities have taken.</summary>
    public LogOffset Applied => new(Volatile.Read(ref _applied));

    public bool IsCaughtUp => Applied.Value >= mustReach.Value;

    public bool IsOver => Volatile.Read(ref _isOver) != 0;

    public bool IsConfirmed => !IsOver && time.GetElapsedTime(Volatile.Read(ref _confirmedAt)) < Limits.OwnerConfirmedFor;

    /// <summary>Records through the offset have been applied: reads that wait for them go on.</summary>
    public void Advance(LogOffset applied)
    {
        Volatile.Write(ref _applied, applied.Value);
        _waiters.Wake(_ => Applied);
    }

    /// <summary>PostgreSQL has said that the claim stands, when asked at <paramref name="askedAt"/>: the answer may have taken long.</summary>
    public void Confirm(long askedAt) => Volatile.Write(ref _confirmedAt, askedAt);

    /// <summary>Completes when records through the offset have been applied, or the ownership is over.</summary>
    /// <exception cref="OperationCanceledException">The token fired first.</exception>
    /// <exception cref="TooManyWaitersException">Too many wait already.</exception>
    public async Task ReachedAsync(LogOffset offset, CancellationToken cancellationToken)
    {
        try
        {
            await _waiters.WaitAsync(new PartitionOffset(Partition, offset), () => Applied, cancellationToken);
        }
        catch (Exception over) when (IsOver && over is ObjectDisposedException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Completes when reads may be answered, or the ownership is over.</summary>
    public Task CaughtUpAsync(CancellationToken cancellationToken) => ReachedAsync(mustReach, cancellationToken);

    /// <summary>It has ended, by fencing or on purpose. Who waits is woken.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0)
        {
            _waiters.Dispose();
        }
    }
}
