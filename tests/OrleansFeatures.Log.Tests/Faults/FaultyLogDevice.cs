namespace OrleansFeatures.Log.Tests.Faults;

/// <summary>
/// A disk in memory that does what bad disks and crashes do, from a seed: lose power at a chosen operation (that one half done), fail one
/// sync or write, run full. After <see cref="RestartMachine"/> it holds the synced bytes and an arbitrary part of the others; of renames, creations
/// and deletions since the last SyncDirectory it keeps a prefix. One directory, unless it <see cref="HasDirectories"/>.
/// </summary>
internal sealed class FaultyLogDevice(int seed) : ILogDevice
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);
    private readonly List<(string Directory, Action<Dictionary<string, MemoryFile>> Change)> _unsyncedChanges = [];
    private readonly HashSet<string> _owned = [];
    private Dictionary<string, MemoryFile> _directory = [];
    private Dictionary<string, MemoryFile> _syncedDirectory = [];

    /// <summary>Whether files of one name in two directories are two files. Names are then whole paths.</summary>
    public bool HasDirectories { get; init; }

    /// <summary>Whether of the unsynced creations, renames and deletions any may survive a loss of power, and not just the first ones. Few file systems do that; none promises not to.</summary>
    public bool ReordersDirectory { get; init; }

    /// <summary>Told of every operation that changes the disk, before it happens.</summary>
    public Action<string>? OnStep { get; set; }

    /// <summary>The power is off: every operation fails until a restart.</summary>
    public bool IsDead { get; private set; }

    /// <summary>Operations that were made to fail by <see cref="FailAt"/>, so far.</summary>
    public int Failures { get; private set; }

    /// <summary>Operations that change the disk, so far.</summary>
    public int Operations { get; private set; }

    /// <summary>The power fails during this operation.</summary>
    public int PowerLossAt { get; set; } = int.MaxValue;

    /// <summary>This operation fails if it is a sync or a write; the disk works on.</summary>
    public int FailAt { get; set; } = int.MaxValue;

    /// <summary>Says of a file's name, position and length whether reading there fails, as bad sectors do.</summary>
    public Func<string, long, int, bool>? CannotRead { get; set; }

    /// <summary>Bytes that all files together may take or reserve.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    /// <summary>Whether space can be reserved; if not, a full disk is met by the write.</summary>
    public bool CanReserve { get; set; } = true;

    /// <summary>Bytes that all files take or have reserved.</summary>
    public long UsedBytes => _directory.Values.Sum(file => file.Reserved);

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

    /// <summary>What would be found if the power failed now and took everything that it may take.</summary>
    public IReadOnlyDictionary<string, byte[]> SyncedFiles
    {
        get
        {
            lock (_gate)
            {
                return _syncedDirectory.ToDictionary(entry => entry.Key, entry => entry.Value.Synced.ToArray());
            }
        }
    }

    /// <summary>Puts files there as if they had always been there.</summary>
    public void SetFiles(IEnumerable<KeyValuePair<string, byte[]>> files)
    {
        lock (_gate)
        {
            _directory = files.ToDictionary(entry => entry.Key, entry => { var file = new MemoryFile(); file.Set(entry.Value); return file; });
            _syncedDirectory = new(_directory);
            _unsyncedChanges.Clear();
        }
    }

    /// <summary>The process was killed and starts again; the page cache is as it was.</summary>
    public void RestartProcess()
    {
        lock (_gate)
        {
            (IsDead, PowerLossAt, FailAt) = (false, int.MaxValue, int.MaxValue);
            _owned.Clear();
        }
    }

    /// <summary>The machine comes back after a loss of power, with each unsynced sector as likely as given.</summary>
    public CrashLosses RestartMachine(double survival)
    {
        lock (_gate)
        {
            var losses = default(CrashLosses);
            foreach (var directory in _unsyncedChanges.GroupBy(change => change.Directory).ToList())
            {
                var count = _random.Next(directory.Count() + 1);
                var kept = (ReordersDirectory ? directory.Where(_ => _random.Next(2) == 0) : directory.Take(count)).ToList();
                losses += new CrashLosses(0, 0, directory.Count() - kept.Count);
                foreach (var (_, change) in kept)
                {
                    change(_syncedDirectory);
                }
            }

            _unsyncedChanges.Clear();
            foreach (var file in _syncedDirectory.Values.Distinct())
            {
                losses += file.Crash(_random, survival);
            }

            _directory = new(_syncedDirectory);
            RestartProcess();
            return losses;
        }
    }

    /// <summary>The medium changes one bit of a file, until what is returned is disposed. Null where the page cache still owes the medium something: the bit would be written over.</summary>
    public IDisposable? Flip(string name, long position, int bit)
    {
        lock (_gate)
        {
            var file = _directory[name];
            return file.IsSynced ? new Flipped(this, file, position, bit) : null;
        }
    }

    /// <summary>Puts other bytes into a file under whoever has it open; null takes the file away. Nobody is told.</summary>
    public void Damage(string name, byte[]? content)
    {
        lock (_gate)
        {
            if (content is null)
            {
                _directory.Remove(name);
                _syncedDirectory.Remove(name);
            }
            else
            {
                _directory[name].Set(content);
            }
        }
    }

    public IDisposable Own(string directory)
    {
        lock (_gate)
        {
            if (!_owned.Add(HasDirectories ? directory : ""))
            {
                throw new LogInUseException(directory, "another process");
            }

            return new Ownership(this, HasDirectories ? directory : "");
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        lock (_gate)
        {
            return [.. _directory.Keys.Where(name => !HasDirectories || Path.GetDirectoryName(name) == directory).Select(name => Path.GetFileName(name))];
        }
    }

    public ILogFile Open(string path, LogFileAccess access)
    {
        lock (_gate)
        {
            var name = NameOf(path);
            if (access != LogFileAccess.Create)
            {
                return new Handle(this, name, _directory.TryGetValue(name, out var there) ? there : throw new FileNotFoundException("No such file", path));
            }

            var file = new MemoryFile();
            ChangeDirectory(name, directory => directory[name] = file);
            return new Handle(this, name, file);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            ChangeDirectory(NameOf(from), directory =>
            {
                if (directory.Remove(NameOf(from), out var file)) // After a crash its creation may be lost.
                {
                    directory[NameOf(to)] = file;
                }
            });
        }
    }

    public void Delete(string path)
    {
        lock (_gate)
        {
            ChangeDirectory(NameOf(path), directory => directory.Remove(NameOf(path)));
        }
    }

    public void SyncDirectory(string directory)
    {
        lock (_gate)
        {
            Step($"sync of directory {Path.GetFileName(directory)}");
            foreach (var (_, change) in _unsyncedChanges.Where(change => change.Directory == DirectoryOf(directory)))
            {
                change(_syncedDirectory);
            }

            _unsyncedChanges.RemoveAll(change => change.Directory == DirectoryOf(directory));
        }
    }

    private void ChangeDirectory(string name, Action<Dictionary<string, MemoryFile>> change)
    {
        Step($"change of the entry {Path.GetFileName(name)}");
        change(_directory);
        _unsyncedChanges.Add((HasDirectories ? Path.GetDirectoryName(name)! : "", change));
    }

    private string NameOf(string path) => HasDirectories ? path : Path.GetFileName(path);

    private string DirectoryOf(string directory) => HasDirectories ? directory : "";

    /// <summary>Counts the operation; true: do it. Throws when the power is off or fails now.</summary>
    private void Step(string operation, Action? halfDone = null)
    {
        if (IsDead)
        {
            throw new IOException($"{operation}: the power is off (seed {seed})");
        }

        Operations++;
        OnStep?.Invoke(operation);
        if (Operations >= PowerLossAt)
        {
            IsDead = true;
            halfDone?.Invoke();
            throw new IOException($"{operation}: power lost (seed {seed}, operation {Operations})");
        }

        if (Operations == FailAt)
        {
            Failures++;
            halfDone?.Invoke();
            throw new IOException($"{operation}: input/output error (seed {seed}, operation {Operations})");
        }
    }

    private sealed class Flipped : IDisposable
    {
        private readonly Action _flip;

        public Flipped(FaultyLogDevice device, MemoryFile file, long position, int bit)
        {
            _flip = () =>
            {
                lock (device._gate)
                {
                    file.Flip(position, bit);
                }
            };
            _flip();
        }

        public void Dispose() => _flip();
    }

    private sealed class Ownership(FaultyLogDevice device, string directory) : IDisposable
    {
        public void Dispose()
        {
            lock (device._gate)
            {
                device._owned.Remove(directory);
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
                if (device.CannotRead?.Invoke(name, position, buffer.Length) == true)
                {
                    throw new IOException($"read of {name} at {position}: input/output error (a bad sector)");
                }

                var bytes = file.Content[(int)Math.Min(position, file.Content.Length)..];
                bytes = bytes[..Math.Min(bytes.Length, buffer.Length)];
                bytes.CopyTo(buffer);
                return bytes.Length;
            }
        }

        public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
        {
            lock (device._gate)
            {
                var bytes = new byte[buffers.Sum(buffer => buffer.Length)];
                var length = 0;
                foreach (var buffer in buffers)
                {
                    buffer.Span.CopyTo(bytes.AsSpan(length));
                    length += buffer.Length;
                }

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
