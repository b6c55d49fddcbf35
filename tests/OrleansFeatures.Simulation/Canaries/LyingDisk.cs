using OrleansFeatures.Log;

namespace OrleansFeatures.Simulation.Canaries;

/// <summary>A disk that says it has synced and has not: as drives with a volatile cache do, and as a store behaves that acknowledges before it syncs.</summary>
internal sealed class LyingDisk(ILogDevice disk) : ILogDevice
{
    public IDisposable Own(string directory) => disk.Own(directory);

    public IReadOnlyList<string> List(string directory) => disk.List(directory);

    public ILogFile Open(string path, LogFileAccess access) => new LyingFile(disk.Open(path, access));

    public void Rename(string from, string to) => disk.Rename(from, to);

    public void Delete(string path) => disk.Delete(path);

    public void SyncDirectory(string directory) => disk.SyncDirectory(directory);

    private sealed class LyingFile(ILogFile file) : ILogFile
    {
        public long Length => file.Length;

        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers) => file.Write(position, buffers);

        public void Sync()
        {
        }

        public void Truncate(long length) => file.Truncate(length);

        public bool TryReserve(long length) => file.TryReserve(length);

        public void Dispose() => file.Dispose();
    }
}
