namespace OrleansFeatures.Log.Tests.Faults;

/// <summary>What a loss of power took: sectors that had not been synced and are gone, and those of them of which a part came through.</summary>
internal readonly record struct CrashLosses(int LostSectors, int TornSectors, int LostNames)
{
    public static CrashLosses operator +(CrashLosses left, CrashLosses right) =>
        new(left.LostSectors + right.LostSectors, left.TornSectors + right.TornSectors, left.LostNames + right.LostNames);
}

/// <summary>
/// A file as a disk and a page cache see it: what was synced, and the operations since. Programs see both; a crash keeps the first and
/// any part of the second. Not thread-safe; the device locks.
/// </summary>
internal sealed class MemoryFile
{
    private readonly List<Change> _unsynced = [];
    private readonly Image _seen = new();
    private readonly Image _synced = new();

    /// <summary>What a program reads now.</summary>
    public ReadOnlySpan<byte> Content => _seen.Bytes;

    /// <summary>What is on the medium.</summary>
    public ReadOnlySpan<byte> Synced => _synced.Bytes;

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
            change.ApplyTo(_synced);
        }

        _unsynced.Clear();
    }

    /// <summary>A failed sync, as Linux does it: some of it reached the disk, programs still see all of it, and a later sync says all is well.</summary>
    public void FailSync(Random random) => Settle(random, 0.5);

    /// <summary>After a crash: the synced bytes, and of the rest each sector with the given probability, sometimes a torn one.</summary>
    public CrashLosses Crash(Random random, double survival)
    {
        var losses = Settle(random, survival);
        _seen.Set(_synced.Bytes);
        Reserved = _seen.Length;
        return losses;
    }

    public void Set(byte[] content)
    {
        _seen.Set(content);
        _synced.Set(content);
        _unsynced.Clear();
    }

    /// <summary>The medium loses one bit.</summary>
    public void Flip(long position, int bit)
    {
        _seen.Flip(position, bit);
        _synced.Flip(position, bit);
    }

    private void Apply(Change change)
    {
        _unsynced.Add(change);
        change.ApplyTo(_seen);
        Reserved = Math.Max(Reserved, _seen.Length);
    }

    /// <summary>Decides what of the unsynced operations reaches the medium.</summary>
    private CrashLosses Settle(Random random, double survival)
    {
        const int sector = 512;
        var losses = default(CrashLosses);
        foreach (var change in _unsynced)
        {
            if (change.Data is null)
            {
                if (random.NextDouble() < survival)
                {
                    change.ApplyTo(_synced);
                }

                continue;
            }

            for (var at = 0; at < change.Data.Length;)
            {
                var place = change.Position + at;
                var size = (int)Math.Min(change.Data.Length - at, sector - place % sector);
                losses += SettleSector(random, survival, place, change.Data.AsSpan(at, size));
                at += size;
            }
        }

        _unsynced.Clear();
        return losses;
    }

    private CrashLosses SettleSector(Random random, double survival, long place, ReadOnlySpan<byte> data)
    {
        if (random.NextDouble() < survival)
        {
            // One in eight surviving sectors is torn at a byte; on one in eight lost ones the length survives without the data.
            var kept = survival < 1 && random.Next(8) == 0 ? random.Next(data.Length + 1) : data.Length;
            _synced.Write(place, data[..kept]);
            return kept == data.Length ? default : new CrashLosses(0, 1, 0);
        }

        if (random.Next(8) == 0 && _synced.Length < place + data.Length)
        {
            _synced.SetLength(place + data.Length);
        }

        return new CrashLosses(1, 0, 0);
    }

    /// <summary>A write, or without data a cut to the position.</summary>
    private readonly record struct Change(long Position, byte[]? Data)
    {
        public void ApplyTo(Image image)
        {
            if (Data is null)
            {
                image.SetLength(Position);
            }
            else
            {
                image.Write(Position, Data);
            }
        }
    }

    /// <summary>Bytes that grow in place; what was never written is zero.</summary>
    private sealed class Image
    {
        private byte[] _buffer = [];
        private int _length;

        public long Length => _length;

        public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

        public void Write(long position, ReadOnlySpan<byte> data)
        {
            if (data.Length > 0)
            {
                SetLength(Math.Max(_length, position + data.Length));
                data.CopyTo(_buffer.AsSpan((int)position));
            }
        }

        public void SetLength(long length)
        {
            if (length > _buffer.Length)
            {
                Array.Resize(ref _buffer, (int)Math.Max(length, 2L * _buffer.Length));
            }

            if (length < _length)
            {
                _buffer.AsSpan((int)length.._length).Clear();
            }

            _length = (int)length;
        }

        public void Set(ReadOnlySpan<byte> content) => (_buffer, _length) = (content.ToArray(), content.Length);

        public void Flip(long position, int bit)
        {
            if (position < _length)
            {
                _buffer[position] ^= (byte)(1 << bit);
            }
        }
    }
}
