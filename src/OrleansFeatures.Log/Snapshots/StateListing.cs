using System.Collections.Immutable;
using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>What a state directory says of itself: the checkpoint that counts, and its files as that checkpoint left them. Read without owning or changing anything, also beside an open store.</summary>
/// <param name="Directory">Where.</param>
/// <param name="Head">The newest checkpoint that can be read; null before the first, and where both manifests are damaged, which <see cref="SnapshotStore.Verify(string, ILogDevice, CancellationToken)"/> tells apart.</param>
/// <param name="Files">Oldest first.</param>
public sealed record StateListing(string Directory, SnapshotHead? Head, ImmutableArray<StateFileInfo> Files)
{
    /// <exception cref="LogIncompatibleException">The state is of a newer format.</exception>
    public static StateListing Read(string directory, ILogDevice device)
    {
        var newest = new ManifestPair(device, directory).Read(device.List(directory)).Select(found => found.Manifest).OfType<StateManifest>().MaxBy(manifest => manifest.Head.Number);
        return newest is null || newest.Head.Number == 0
            ? new StateListing(directory, null, [])
            : new StateListing(directory, newest.Head, [.. newest.Files.OrderBy(file => file.Number).Select(file => new StateFileInfo(
                file.Number, Path.Combine(directory, StateFileNames.Of(file.Number)), file.Bytes, file.Records, file.RecordBytes, file.GarbageRecords, file.GarbageBytes, file.Checkpoint))]);
    }
}
