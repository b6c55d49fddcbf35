namespace OrleansFeatures.Log.Tests.Faults;

/// <summary>
/// A disk in memory that does what bad disks and crashes do, from a seed: lose power at a chosen operation (that one half done), fail one
/// sync or write, run full. After <see cref="RestartMachine"/> it holds the synced bytes and an arbitrary part of the others; of renames, creations
/// and deletions since the last SyncDirectory it keeps a prefix.
/// </summary>
internal sealed class FaultyLogDevice(int seed) : ILogDevice
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);
    private readonly List<Dictionary<string, MemoryFile>> _unsyncedDirectories = [];
    private Dictionary<string, MemoryFile> _directory = [];
    private Dictionary<string, MemoryFile> _syncedDirectory = [];
    private bool _owned;
    private bool _dead;

    /// <summary>Operations that change the disk, so far.</summary>
    public int Operations { get; private set; }

    /// <summary>The power fails during this operation.</summary>
    public int PowerLossAt { get; set; } = int.MaxValue;

    /// <summary>This operation fails if it is a sync or a write; the disk works on.</summary>
    public int FailAt { get; set; } = int.MaxValue;

    /// <summary>Bytes that all files together may take or reserve.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    /// <summary>Whether space can be reserved; if not, a full disk is met by the write.</summary>
    public bool CanReserve { get; set; } = true;

    public IReadOnlyDictionary<string, byte[]> Files
    {
        get
        {
            lock (_gate)
            {
                return _directory.ToDictionary(entry => entry.Key, entry => entry.Value.Content.ToArray());
            }
        }
    }

    /// <summary>Puts files there as if they had always been there.</summary>
    public void SetFiles(IEnumerable<KeyValuePair<string, byte[]>> files)
    {
        lock (_gate)
        {
            _directory = files.ToDictionary(entry => entry.Key, entry => { var file = new MemoryFile(); file.Set(entry.Value); return file; });
            _syncedDirectory = _directory;
            _unsyncedDirectories.Clear();
        }
    }

    /// <summary>The process was killed and starts again; the page cache is as it was.</summary>
    public void RestartProcess()
    {
        lock (_gate)
        {
            (_dead, _owned, PowerLossAt, FailAt) = (false, false, int.MaxValue, int.MaxValue);
        }
    }

    /// <summary>The machine comes back after a loss of power, with each unsynced sector as likely as given.</summary>
    public void RestartMachine(double survival)
    {
        lock (_gate)
        {
            _directory = ((IEnumerable<Dictionary<string, MemoryFile>>)[_syncedDirectory, .. _unsyncedDirectories]).ElementAt(_random.Next(_unsyncedDirectories.Count + 1));
            foreach (var file in _directory.Values)
            {
                file.Crash(_random, survival);
            }

            _syncedDirectory = _directory;
            _unsyncedDirectories.Clear();
            RestartProcess();
        }
    }

    public IDisposable Own(string directory)
    {
        lock (_gate)
        {
            if (_owned)
            {
                throw new LogInUseException(directory, "another process");
            }

            _owned = true;
            return new Ownership(this);
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        lock (_gate)
        {
            return [.. _directory.Keys];
        }
    }

    public ILogFile Open(string path, LogFileAccess access)
    {
        lock (_gate)
        {
            var name = Path.GetFileName(path);
            if (access != LogFileAccess.Create)
            {
                return new Handle(this, name, _directory.TryGetValue(name, out var there) ? there : throw new FileNotFoundException("No such file", path));
            }

            var file = new MemoryFile();
            ChangeDirectory(directory => directory[name] = file);
            return new Handle(this, name, file);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            ChangeDirectory(directory =>
            {
                directory[Path.GetFileName(to)] = directory[Path.GetFileName(from)];
                directory.Remove(Path.GetFileName(from));
            });
        }
    }

    public void Delete(string path)
    {
        lock (_gate)
        {
            ChangeDirectory(directory => directory.Remove(Path.GetFileName(path)));
        }
    }

    public void SyncDirectory(string directory)
    {
        lock (_gate)
        {
            Step("sync of the directory");
            _syncedDirectory = _directory;
            _unsyncedDirectories.Clear();
        }
    }

    private void ChangeDirectory(Action<Dictionary<string, MemoryFile>> change)
    {
        Step("change of the directory");
        _directory = new(_directory);
        change(_directory);
        _unsyncedDirectories.Add(_directory);
    }

    /// <summary>Counts the operation; true: do it. Throws when the power is off or fails now.</summary>
    private void Step(string operation, Action? halfDone = null)
    {
        if (_dead)
        {
            throw new IOException($"{operation}: the power is off (seed {seed})");
        }

        Operations++;
        if (Operations >= PowerLossAt)
        {
            _dead = true;
            halfDone?.Invoke();
            throw new IOException($"{operation}: power lost (seed {seed}, operation {Operations})");
        }

        if (Operations == FailAt)
        {
            halfDone?.Invoke();
            throw new IOException($"{operation}: input/output error (seed {seed}, operation {Operations})");
        }
    }

    private long UsedBytes => _directory.Values.Sum(file => file.Reserved);

    private sealed class Ownership(FaultyLogDevice device) : IDisposable
    {
        public void Dispose()
        {
            lock (device._gate)
            {
                device._owned = false;
            }
        }
    }

    private sealed class Handle(FaultyLogDevice device, string name, MemoryFile file) : ILogFile
    {
        public long Length
        {
            get
            {
                lock (device._gate)
                {
                    return file.Content.Length;
                }
            }
        }

        public int Read(long position, Span<byte> buffer)
        {
            lock (device._gate)
            {
                var bytes = file.Content.AsSpan((int)Math.Min(position, file.Content.Length));
                bytes = bytes[..Math.Min(bytes.Length, buffer.Length)];
                bytes.CopyTo(buffer);
                return bytes.Length;
            }
        }

        public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
        {
            lock (device._gate)
            {
                var bytes = buffers.SelectMany(buffer => buffer.ToArray()).ToArray();
                device.Step($"write to {name}", () => file.Write(position, bytes[..device._random.Next(bytes.Length + 1)]));
                if (position + bytes.Length > file.Reserved && device.UsedBytes - file.Reserved + position + bytes.Length > device.Capacity)
                {
                    throw DiskFull.Create(name);
                }

                file.Write(position, bytes);
            }
        }

        public void Sync()
        {
            lock (device._gate)
            {
                device.Step($"sync of {name}", () => file.FailSync(device._random));
                file.Sync();
            }
        }

        public void Truncate(long length)
        {
            lock (device._gate)
            {
                device.Step($"cut of {name}");
                file.Truncate(length);
            }
        }

        public bool TryReserve(long length)
        {
            lock (device._gate)
            {
                if (!device.CanReserve)
                {
                    return true; // As a file system without fallocate on which free space vanishes between asking and writing.
                }

                if (device.UsedBytes - file.Reserved + Math.Max(length, file.Reserved) > device.Capacity)
                {
                    return false;
                }

                file.Reserved = Math.Max(length, file.Reserved);
                return true;
            }
        }

        public void Dispose()
        {
        }
    }
}
