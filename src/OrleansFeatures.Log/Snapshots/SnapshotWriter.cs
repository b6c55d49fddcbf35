using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// Writes one checkpoint: new files beside the old ones, which become valid together in <see cref="Commit"/>. One thread at a time; what it adds can be read at once from any thread.
/// After an exception of this class's I/O the checkpoint is lost: dispose the writer; the checkpoint before it was never touched, and the next may be begun. Places that it gave are then void.
/// </summary>
public sealed class SnapshotWriter : IDisposable
{
    private readonly SnapshotStore _store;
    private readonly long _number;
    private readonly List<StateFile> _victims;
    private readonly List<StateFile> _files = [];
    private StateFileWriter? _current;
    private byte[] _copyBuffer = [];
    private bool _failed;
    private bool _over;

    internal SnapshotWriter(SnapshotStore store, long number, List<StateFile> victims) => (_store, _number, _victims) = (store, number, victims);

    /// <summary>Files whose living records the caller carries over in this checkpoint (<see cref="ReadEntries"/>, <see cref="Copy"/>): <see cref="Commit"/> drops them, and with them every record that was not carried over.</summary>
    public IReadOnlyList<StateFileInfo> Victims => [.. _victims.Select(file => file.Info)];

    /// <summary>Bytes written so far, index and headers included.</summary>
    public long Bytes => _files.Sum(file => file.Bytes);

    /// <summary>
    /// Adds a record; the payload is copied. Cheap (a copy and a checksum), except that every <see cref="Limits.StateBufferBytes"/> are handed to the system on the way. Call <see cref="Flush"/> where waiting for the
    /// disk does no harm; without it this call waits for a sync after every <see cref="Limits.StateUnsyncedBytesMax"/>.
    /// </summary>
    /// <exception cref="StateFullException">No space; the checkpoint is lost.</exception>
    /// <exception cref="StateWriteException">A write failed; the checkpoint is lost.</exception>
    public StatePlace Add(StateRecordKind kind, int partition, uint entityType, ulong hash, ulong check, uint tag, ReadOnlySpan<byte> payload)
    {
        if (!StateFrameKinds.IsRecord((byte)kind))
        {
            throw new ArgumentOutOfRangeException(nameof(kind), kind, "A state record is an Entity, a Part or a Page.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(partition);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(partition, _store.Options.PartitionCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, Limits.StateRecordBytesMax);
        ThrowIfOver();
        try
        {
            return FileFor(payload.Length).Add(kind, partition, entityType, hash, check, tag, payload);
        }
        catch (Exception e) when (IsOfTheWorld(e))
        {
            throw Failed("adding a record", e);
        }
    }

    /// <summary>
    /// Where the writer may wait for the disk: call it outside of every lock, as often as you like. It hands what was added to the system once <see cref="Limits.StateFlushBytes"/> have gathered, and syncs once
    /// <see cref="Limits.StateSyncBytes"/> are unsynced.
    /// </summary>
    public void Flush()
    {
        ThrowIfOver();
        try
        {
            _current?.Flush(Limits.StateFlushBytes, Limits.StateSyncBytes);
        }
        catch (Exception e) when (IsOfTheWorld(e))
        {
            throw Failed("writing what was added", e);
        }
    }

    /// <summary>Shows what the victim's index lists, newest first. Throws <see cref="StateCorruptException"/>; the victim is then spared.</summary>
    public void ReadEntries(StateFileInfo victim, IStateIndexVisitor visitor)
    {
        var file = _victims.Find(file => file.Number == victim.Number) ?? throw new ArgumentException($"File {victim.Number} is not among this checkpoint's victims.", nameof(victim));
        try
        {
            var buffer = Array.Empty<byte>();
            StateIndexReader.Read(file, visitor, ref buffer);
        }
        catch (StateCorruptException)
        {
            Spare(victim);
            throw;
        }
    }

    /// <summary>
    /// Carries a record over as it is, checked, and returns its new place. Throws <see cref="StateCorruptException"/> when it is damaged; its file is then spared, so that nothing of it is lost, and the caller may go on.
    /// </summary>
    public StatePlace Copy(in StateEntry entry)
    {
        ThrowIfOver();
        ReadOnlySpan<byte> payload;
        StateEntry found;
        try
        {
            payload = _store.Read(entry.Place, entry.Kind, ref _copyBuffer, out found);
            if (found != entry)
            {
                throw _store.FileOf(entry.Place).Corrupt(entry.Place.Position, $"the record is {found}, the index says {entry}");
            }
        }
        catch (StateCorruptException)
        {
            var damaged = entry.Place.File;
            _victims.RemoveAll(file => file.Number == damaged);
            throw;
        }

        return Add(found.Kind, found.Partition, found.EntityType, found.Hash, found.Check, found.Tag, payload);
    }

    /// <summary>This checkpoint takes the place of everything that is here: every file goes with <see cref="Commit"/>, and nothing is carried over.</summary>
    public void ReplaceAll()
    {
        _victims.Clear();
        _victims.AddRange(_store.CurrentFiles);
        ReplacesAll = true;
    }

    /// <summary>Whether <see cref="ReplaceAll"/> was called.</summary>
    public bool ReplacesAll { get; private set; }

    /// <summary>Takes a file off the victims: this checkpoint keeps it as it is.</summary>
    public void Spare(StateFileInfo victim) => _victims.RemoveAll(file => file.Number == victim.Number);

    /// <summary>
    /// Makes the checkpoint durable and valid, then drops the victims. Number and time of the head are set here; the head that is returned has them. If it throws, the checkpoint before it stays in use
    /// (only if the failure came at the very end, a later opening may find this one, whole).
    /// </summary>
    public SnapshotHead Commit(SnapshotHead head)
    {
        ThrowIfOver();
        if (head.Applied.IsDefault || head.Applied.Length != _store.Options.PartitionCount)
        {
            throw new ArgumentException($"SnapshotHead.Applied must have one number for each of the {_store.Options.PartitionCount} partitions.", nameof(head));
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(head.Blob.Length, Limits.SnapshotBlobBytesMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(head.Through, LogSequence.None);
        try
        {
            _current?.Seal();
            _current = null;
            var committed = _store.Commit(head with { Number = _number }, _files, _victims);
            _over = true;
            return committed;
        }
        catch (Exception e) when (IsOfTheWorld(e))
        {
            throw Failed("committing", e);
        }
    }

    /// <summary>Without a <see cref="Commit"/> the new files are deleted and the victims stay.</summary>
    public void Dispose()
    {
        if (!_over)
        {
            _over = true;
            _store.Abandon(_files);
        }
    }

    private StateFileWriter FileFor(int payloadBytes)
    {
        if (_current is { HasRecords: true } full && full.BytesWith(payloadBytes) > _store.Options.StateFileBytesMax)
        {
            full.Seal();
            _current = null;
        }

        if (_current is null)
        {
            _current = _store.NewFile(_number);
            _files.Add(_current.File);
        }

        return _current;
    }

    private static bool IsOfTheWorld(Exception e) => e is IOException or UnauthorizedAccessException;

    private LogException Failed(string operation, Exception cause)
    {
        _failed = true;
        return DiskFull.Is(cause) ? new StateFullException(operation, cause) : new StateWriteException(operation, cause);
    }

    private void ThrowIfOver()
    {
        ObjectDisposedException.ThrowIf(_over, this);
        if (_failed)
        {
            throw new InvalidOperationException("This checkpoint has failed before; dispose it and begin another.");
        }
    }
}
