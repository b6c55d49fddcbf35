namespace OrleansFeatures.Log.Tests.Faults;

/// <summary>
/// A file as a disk and a page cache see it: what was synced, and the operations since. Programs see both; a crash keeps the first and
/// any part of the second. Not thread-safe; the device locks.
/// </summary>
internal sealed class MemoryFile
{
    private readonly List<Change> _unsynced = [];
    private byte[] _synced = [];

    /// <summary>What a program reads now.</summary>
    public byte[] Content { get; private set; } = [];

    /// <summary>Space secured by TryReserve, at least the length.</summary>
    public long Reserved { get; set; }

    public bool IsSynced => _unsynced.Count == 0;

    public void Write(long position, byte[] data) => Apply(new Change(position, data));

    public void Truncate(long length)
    {
        Apply(new Change(length, null));
        Reserved = length;
    }

    public void Sync()
    {
        // Only what was written since: what an earlier failed sync lost stays lost until somebody writes it again.
        foreach (var change in _unsynced)
        {
            _synced = change.On(_synced);
        }

        _unsynced.Clear();
    }

    /// <summary>A failed sync, as Linux does it: some of it reached the disk, programs still see all of it, and a later sync says all is well.</summary>
    public void FailSync(Random random)
    {
        _synced = Survivors(random, 0.5);
        _unsynced.Clear();
    }

    /// <summary>After a crash: the synced bytes, and of the rest each sector with the given probability, sometimes a torn one.</summary>
    public void Crash(Random random, double survival)
    {
        Content = _synced = Survivors(random, survival);
        Reserved = Content.Length;
        _unsynced.Clear();
    }

    public void Set(byte[] content)
    {
        Content = _synced = content;
        _unsynced.Clear();
    }

    private void Apply(Change change)
    {
        _unsynced.Add(change);
        Content = change.On(Content);
        Reserved = Math.Max(Reserved, Content.Length);
    }

    private byte[] Survivors(Random random, double survival)
    {
        const int sector = 512;
        var bytes = _synced;
        foreach (var change in _unsynced)
        {
            if (change.Data is null)
            {
                bytes = random.NextDouble() < survival ? change.On(bytes) : bytes;
                continue;
            }

            for (var at = 0; at < change.Data.Length;)
            {
                var place = change.Position + at;
                var size = (int)Math.Min(change.Data.Length - at, sector - place % sector);
                if (random.NextDouble() < survival)
                {
                    // One in eight surviving sectors is torn at a byte; on one in eight lost ones the length survives without the data.
                    var kept = survival < 1 && random.Next(8) == 0 ? random.Next(size + 1) : size;
                    bytes = new Change(place, change.Data[at..(at + kept)]).On(bytes);
                }
                else if (random.Next(8) == 0 && bytes.Length < place + size)
                {
                    bytes = [.. bytes, .. new byte[place + size - bytes.Length]];
                }

                at += size;
            }
        }

        return bytes;
    }

    /// <summary>A write, or without data a cut to the position.</summary>
    private readonly record struct Change(long Position, byte[]? Data)
    {
        public byte[] On(byte[] content)
        {
            if (Data is null)
            {
                return Position <= content.Length ? content[..(int)Position] : [.. content, .. new byte[Position - content.Length]];
            }

            if (Data.Length == 0)
            {
                return content;
            }

            var changed = new byte[Math.Max(content.Length, Position + Data.Length)];
            content.CopyTo(changed, 0);
            Data.CopyTo(changed, Position);
            return changed;
        }
    }
}
