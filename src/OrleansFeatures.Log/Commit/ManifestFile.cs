using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Commit;

/// <summary>
/// The manifest of an open log. Two change it: the writer when it begins a segment, and truncation when it drops some; each change starts from the other's,
/// and is on disk before it counts. A change waits for one under way, which takes two syncs.
/// </summary>
internal sealed class ManifestFile(ILogDevice device, string directory, Manifest current)
{
    private readonly Lock _gate = new();
    private Manifest _current = current;

    public Manifest Current => Volatile.Read(ref _current);

    public string Path => System.IO.Path.Combine(directory, LogFiles.Manifest);

    /// <summary>Makes a change durable. After a failure the old content counts here; the disk may hold either, which the caller must be able to live with.</summary>
    public void Change(Func<Manifest, Manifest> change)
    {
        lock (_gate)
        {
            var next = change(_current);
            LogFiles.Replace(device, directory, LogFiles.Manifest, next.Encode());
            Volatile.Write(ref _current, next);
        }
    }
}
