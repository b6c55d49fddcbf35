using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Checkpoints;

/// <summary>
/// The two places that state is saved to: while one holds the generation that answers, another can be built in the other, whole, before it takes over. Which of the two counts at a restart is in their heads.
/// <code>
///   DIR/a   generation 4, definitions 7f31..., complete     answers
///   DIR/b   generation 3: what it held has been dropped      the next one's place
/// </code>
/// </summary>
internal sealed class StateStores : IDisposable
{
    private readonly SnapshotStore[] _stores;
    private readonly Func<SnapshotOptions, SnapshotStore> _reopen;
    private readonly Action<SnapshotStore, StateCorruptException> _setAside;

    private StateStores(SnapshotStore[] stores, ILogDevice device, TimeProvider time, ILogger logger)
    {
        _stores = stores;
        _reopen = options => SnapshotStore.Open(options, device, time);
        _setAside = (store, damage) => SetAside(store.Options, damage, device, logger);
    }

    /// <summary>Opens both; where damage is to be skipped, a damaged one is set aside instead of being refused.</summary>
    /// <exception cref="LogException">Damaged, in use, or of another store.</exception>
    public static StateStores Open(string directory, Guid storeId, int partitionCount, bool skipDamage, ILogDevice device, TimeProvider time, ILogger logger)
    {
        var stores = new List<SnapshotStore>();
        bool isOpen = false;
        try
        {
            foreach (string name in (string[])["a", "b"])
            {
                var options = new SnapshotOptions { Directory = Path.Combine(directory, name), StoreId = storeId, PartitionCount = partitionCount };
                stores.Add(OpenOne(options, skipDamage, device, time, logger));
                foreach (StateDamage repaired in stores[^1].Repaired)
                {
                    logger.StateRepaired(repaired.ToString());
                }
            }

            isOpen = true;
            return new StateStores([.. stores], device, time, logger);
        }
        finally
        {
            if (!isOpen)
            {
                stores.ForEach(store => store.Dispose());
            }
        }
    }

    /// <summary>The newest complete generation of these definitions; null where there is none.</summary>
    public SnapshotStore? Newest(ulong fingerprint) => _stores
        .Where(store => store.Head is { } head && head.Fingerprint == fingerprint && IsComplete(head))
        .MaxBy(store => GenerationOf(store.Head!));

    /// <summary>The newest generation's head, whatever its definitions: what it says of intake holds for all.</summary>
    public SnapshotHead? NewestHead => _stores.Select(store => store.Head).OfType<SnapshotHead>().Where(IsComplete).MaxBy(GenerationOf);

    public IReadOnlyList<SnapshotStore> All => _stores;

    public SnapshotStore OtherThan(SnapshotStore store) => _stores[0] == store ? _stores[1] : _stores[0];

    public void Dispose()
    {
        foreach (SnapshotStore store in _stores)
        {
            store.Dispose();
        }
    }

    /// <summary>Takes a store out of the way whose damage was found after it was opened, and opens its place empty.</summary>
    public SnapshotStore Replace(SnapshotStore damaged, StateCorruptException damage)
    {
        damaged.Dispose();
        _setAside(damaged, damage);
        int index = Array.IndexOf(_stores, damaged);
        return _stores[index] = _reopen(damaged.Options);
    }

    private static SnapshotStore OpenOne(SnapshotOptions options, bool skipDamage, ILogDevice device, TimeProvider time, ILogger logger)
    {
        try
        {
            return SnapshotStore.Open(options, device, time);
        }
        catch (StateCorruptException damage) when (skipDamage)
        {
            SetAside(options, damage, device, logger);
            return SnapshotStore.Open(options, device, time);
        }
    }

    private static void SetAside(SnapshotOptions options, StateCorruptException damage, ILogDevice device, ILogger logger) =>
        logger.StateSetAside(string.Join(", ", SnapshotStore.SetAside(options.Directory, device)), damage.Message);

    private static bool IsComplete(SnapshotHead head)
    {
        SavedGeneration.Read(head, out _, out bool isComplete);
        return isComplete;
    }

    private static long GenerationOf(SnapshotHead head)
    {
        SavedGeneration.Read(head, out long generation, out _);
        return generation;
    }
}
