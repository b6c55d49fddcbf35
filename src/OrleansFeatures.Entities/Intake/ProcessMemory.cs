namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Whether the process itself is about to run out of memory, whatever its parts believe to hold: ids of events, buffers of connections and answers count here, and not against the budget of
/// states. Events are refused while memory is short, before an allocation fails somewhere where nobody could give an answer. The collector's own account, as of its last collection; while
/// memory is short and nothing comes in, nothing would be collected either, so that one is asked for now and then. Any thread.
/// </summary>
internal sealed class ProcessMemory(TimeProvider time)
{
    private int _collections = -1;
    private long _lookedAt;
    private long _liveBytes;
    private volatile bool _isShort;

    /// <summary>What the process may use: the machine's memory, its container's, or the limit that the runtime was given.</summary>
    public static long LimitBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    public long LiveBytes => Volatile.Read(ref _liveBytes);

    /// <summary>Costs a comparison between two collections.</summary>
    public bool IsShort()
    {
        int collections = GC.CollectionCount(0);
        if (_isShort && time.GetElapsedTime(Volatile.Read(ref _lookedAt)) >= Limits.ShortMemoryLook)
        {
            Volatile.Write(ref _lookedAt, time.GetTimestamp());
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
        }
        else if (collections == Volatile.Read(ref _collections))
        {
            return _isShort;
        }

        Look();
        return _isShort;
    }

    private void Look()
    {
        GCMemoryInfo info = GC.GetGCMemoryInfo(GCKind.Any);
        Volatile.Write(ref _collections, GC.CollectionCount(0));
        Volatile.Write(ref _liveBytes, info.HeapSizeBytes - info.FragmentedBytes);
        long limit = info.TotalAvailableMemoryBytes;
        bool isShort = limit - LiveBytes < Math.Max(Limits.MemoryReserveBytes, limit / Limits.MemoryReserveShare);
        if (isShort && !_isShort)
        {
            Volatile.Write(ref _lookedAt, time.GetTimestamp());
        }

        _isShort = isShort;
    }
}

/// <summary>The process has hardly any memory left; nothing of the push was kept.</summary>
public sealed class ProcessMemoryFullException(long liveBytes, long limitBytes)
    : Exception($"the process holds {liveBytes >> 20} MB of the {limitBytes >> 20} MB that it may use; give it more memory, lower --memory-budget, or push again later");
