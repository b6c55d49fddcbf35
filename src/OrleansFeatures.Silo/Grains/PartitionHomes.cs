using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Silo.Grains;

/// <summary>The homes of the partitions that this silo owns. Any thread.</summary>
internal sealed class PartitionHomes(PartitionMap map)
{
    private readonly PartitionHome?[] _homes = new PartitionHome?[map.Count];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>All that are owned now.</summary>
    public IEnumerable<PartitionHome> All
    {
        get
        {
            for (int partition = 0; partition < _homes.Length; partition++)
            {
                if (Find(new PartitionId(partition)) is { } home)
                {
                    yield return home;
                }
            }
        }
    }

    public PartitionHome? Find(PartitionId partition) => Volatile.Read(ref _homes[partition.Value]) is { Ownership.IsOver: false } home ? home : null;

    /// <summary>The home of one claim only.</summary>
    public PartitionHome? Find(PartitionId partition, long epoch) => Find(partition) is { } home && home.Ownership.Claim.Epoch == epoch ? home : null;

    /// <summary>The claim has been made; a home before it ends.</summary>
    public void Open(PartitionHome home)
    {
        Interlocked.Exchange(ref _homes[home.Partition.Value], home)?.Dispose();
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    /// <summary>The claim is over.</summary>
    public void Close(PartitionHome home)
    {
        home.Dispose();
        Interlocked.CompareExchange(ref _homes[home.Partition.Value], null, home);
    }

    /// <summary>The partition's home, once there is one of these definitions or newer; null if that takes longer than the token allows.</summary>
    public async Task<PartitionHome?> WaitAsync(PartitionId partition, long generation, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed = Volatile.Read(ref _changed).Task;
            if (Find(partition) is { } home && home.Definitions.Generation >= generation)
            {
                return home;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested)
            {
                return null;
            }
        }
    }
}
