namespace OrleansFeatures.Log.Snapshots;

/// <summary>One state file as it is now. Garbage is what <see cref="SnapshotStore.ReadIndex"/> and <see cref="SnapshotStore.Forget"/> have counted; it guides the choice of victims and decides nothing else.</summary>
public sealed record StateFileInfo(long Number, string Path, long Bytes, long Records, long RecordBytes, long GarbageRecords, long GarbageBytes, long Checkpoint)
{
    public long LiveBytes => Math.Max(0, RecordBytes - GarbageBytes);
}
