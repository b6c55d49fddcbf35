using OrleansFeatures.Log;

namespace OrleansFeatures.Server.Tests.Hosting;

/// <summary>The real disk, made to fail, fill up or hang as a test says. Concerns what is written from then on.</summary>
internal sealed class TroubledDevice : ILogDevice
{
    private readonly FileLogDevice _disk = new();
    private readonly ManualResetEventSlim _moving = new(initialState: true);
    private int _stuck;

    /// <summary>No file grows any more.</summary>
    public bool IsFull { get; set; }

    /// <summary>What a sync ends with; null: it succeeds.</summary>
    public Func<Exception?> SyncFailure { get; set; } = () => null;

    /// <summary>Syncs that hang.</summary>
    public int Stuck => Volatile.Read(ref _stuck);

    public void Hang() => _moving.Reset();

    public void GoOn() => _moving.Set();

    public IDisposable Own(string directory) => _disk.Own(directory);

    public IReadOnlyList<string> List(string directory) => _disk.List(directory);

    public ILogFile Open(string path, LogFileAccess access) =>
        IsFull && access == LogFileAccess.Create ? throw DiskFull.Create(path) : new TroubledFile(this, path, _disk.Open(path, access));

    public void Rename(string from, string to) => _disk.Rename(from, to);

    public void Delete(string path) => _disk.Delete(path);

    public void SyncDirectory(string directory) => _disk.SyncDirectory(directory);

    private sealed class TroubledFile(TroubledDevice device, string path, ILogFile file) : ILogFile
    {
        private long _reserved;

        public long Length => file.Length;

        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
        {
            if (device.IsFull && position + buffers.Sum(buffer => (long)buffer.Length) > Math.Max(file.Length, Volatile.Read(ref _reserved)))
            {
                throw DiskFull.Create(path);
            }

            file.Write(position, buffers);
        }

        public void Sync()
        {
            if (!device._moving.IsSet)
            {
                Interlocked.Increment(ref device._stuck);
                device._moving.Wait(); // Ended by the test.
            }

            if (device.SyncFailure() is { } failure)
            {
                throw failure;
            }

            file.Sync();
        }

        public void Truncate(long length) => file.Truncate(length);

        public bool TryReserve(long length)
        {
            bool reserved = (!device.IsFull || length <= Volatile.Read(ref _reserved)) && file.TryReserve(length);
            if (reserved)
            {
                Volatile.Write(ref _reserved, Math.Max(_reserved, length));
            }

            return reserved;
        }

        public void Dispose() => file.Dispose();
    }
}
