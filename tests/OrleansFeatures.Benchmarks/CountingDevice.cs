using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks;

/// <summary>The real disk, counting its syncs, and leaving them out when asked: only a benchmark may.</summary>
internal sealed class CountingDevice(bool sync) : ILogDevice
{
    private readonly FileLogDevice _disk = new();

    public int Syncs { get; set; }

    private bool Sync { get; } = sync;

    public IDisposable Own(string directory) => _disk.Own(directory);

    public IReadOnlyList<string> List(string directory) => _disk.List(directory);

    public ILogFile Open(string path, LogFileAccess access) => new CountingFile(this, _disk.Open(path, access));

    public void Rename(string from, string to) => _disk.Rename(from, to);

    public void Delete(string path) => _disk.Delete(path);

    public void SyncDirectory(string directory) => _disk.SyncDirectory(directory);

    private sealed class CountingFile(CountingDevice device, ILogFile file) : ILogFile
    {
        public long Length => file.Length;

        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers) => file.Write(position, buffers);

        public void Sync()
        {
            device.Syncs++;
            if (device.Sync)
            {
                file.Sync();
            }
        }

        public void Truncate(long length) => file.Truncate(length);

        public bool TryReserve(long length) => file.TryReserve(length);

        public void Dispose() => file.Dispose();
    }
}
