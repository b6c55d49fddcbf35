namespace OrleansFeatures.Log.Tests.Faults;

/// <summary>A memory disk whose syncs of segments wait at a gate, so that a test decides what happens while one is under way.</summary>
internal sealed class GatedLogDevice : ILogDevice
{
    private readonly FaultyLogDevice _disk = new(1);
    private int _arrived;

    public SemaphoreSlim Gate { get; } = new(0);

    /// <summary>Whether syncs that leave the gate fail. What they were for may be on the disk or not, and the next sync says that all is well.</summary>
    public bool Fails { get; set; }

    /// <summary>Syncs that have reached the gate.</summary>
    public int Arrived => Volatile.Read(ref _arrived);

    /// <summary>Whether the gate stands open for everyone.</summary>
    public bool IsOpen { get; set; } = true;

    public IDisposable Own(string directory) => _disk.Own(directory);

    public IReadOnlyList<string> List(string directory) => _disk.List(directory);

    public ILogFile Open(string path, LogFileAccess access) => new GatedFile(this, _disk.Open(path, access));

    public void Rename(string from, string to) => _disk.Rename(from, to);

    public void Delete(string path) => _disk.Delete(path);

    public void SyncDirectory(string directory) => _disk.SyncDirectory(directory);

    private sealed class GatedFile(GatedLogDevice device, ILogFile file) : ILogFile
    {
        public long Length => file.Length;

        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers) => file.Write(position, buffers);

        public void Sync()
        {
            if (!device.IsOpen)
            {
                Interlocked.Increment(ref device._arrived);
                device.Gate.Wait(); // Ended by the test.
            }

            if (device.Fails)
            {
                throw new IOException("fdatasync failed: input/output error");
            }

            file.Sync();
        }

        public void Truncate(long length) => file.Truncate(length);

        public bool TryReserve(long length) => file.TryReserve(length);

        public void Dispose() => file.Dispose();
    }
}
