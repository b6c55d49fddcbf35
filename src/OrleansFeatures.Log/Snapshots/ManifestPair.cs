using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>What was found under one manifest's name: neither of the two when there is no such file.</summary>
internal sealed record ManifestFound(string Path, StateManifest? Manifest, string? Damage);

/// <summary>
/// The manifest under its two names. Both are written and synced beside before either is renamed, so that a full disk is met before anything changes. Then they are renamed one after the other, each made durable
/// before the next step:
/// <code>
///   a.new, copy.new synced | a renamed, durable | copy renamed, durable | now files of the old checkpoint may go
///      both old                a new, copy old      both new
/// </code>
/// So at any moment both are sound, and each of them names files that are still there.
/// </summary>
internal sealed class ManifestPair(ILogDevice device, string directory)
{
    private static readonly string[] _names = [StateFileNames.Manifest, StateFileNames.ManifestCopy];

    /// <summary>The manifest, then its copy. Throws only <see cref="LogIncompatibleException"/>.</summary>
    public ManifestFound[] Read(IReadOnlyList<string> names) => [.. _names.Select(name => names.Contains(name) ? Read(PathOf(name)) : new ManifestFound(PathOf(name), null, null))];

    /// <summary>Writes and syncs both beside the old ones; nothing has changed yet.</summary>
    public void Prepare(byte[] content)
    {
        foreach (var name in _names)
        {
            using var file = device.Open(PathOf(name) + LogFiles.NewSuffix, LogFileAccess.Create);
            file.Write(0, [content]);
            file.Sync();
        }

        device.SyncDirectory(directory);
    }

    /// <summary>What a <see cref="Prepare"/> that failed may have left; it takes room and nothing else.</summary>
    public List<string> Unprepared => [.. _names.Select(name => PathOf(name) + LogFiles.NewSuffix)];

    /// <summary>Puts them in place. If this fails, the next opening may find the old or the new ones.</summary>
    public void Publish()
    {
        foreach (var name in _names)
        {
            device.Rename(PathOf(name) + LogFiles.NewSuffix, PathOf(name));
            device.SyncDirectory(directory);
        }
    }

    private ManifestFound Read(string path)
    {
        using var file = device.Open(path, LogFileAccess.Read);
        if (file.Length > StateManifest.BytesMax)
        {
            return new ManifestFound(path, null, $"the manifest has {file.Length} bytes, more than any manifest");
        }

        var bytes = new byte[file.Length];
        var manifest = StateManifest.Decode(bytes.AsSpan(0, file.Read(0, bytes)), path, out var reason);
        return new ManifestFound(path, manifest, manifest is null ? reason : null);
    }

    private string PathOf(string name) => Path.Combine(directory, name);
}
