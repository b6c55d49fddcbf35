using System.Collections.Concurrent;
using System.Collections.Immutable;
using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// State as checkpoints: each is a few immutable, sealed files with the records that changed since the one before, and a manifest, renamed into place, that says which files count and how far in the log they reach. So records
/// and offsets become valid in one step, and after any crash there is the old checkpoint or the new one, whole. The store knows places and bytes; which record of an entity is the current one is the caller's table, filled
/// from <see cref="ReadIndex"/>.
/// <code>
///   state-00000001.data  | r r r r r r r r | index |        live, partly garbage
///   state-00000004.data  | r r r | index |                  live
///   state-00000005.data  | r r r r ...                      being written by a SnapshotWriter; nobody's until it commits
///   state.manifest       checkpoint 3: files 1, 4; log through 17,203; applied per partition
///   state.manifest-copy  the same once more
/// </code>
/// <see cref="Read(StatePlace, StateRecordKind, ref byte[])"/>, <see cref="Forget"/>, <see cref="Verify(CancellationToken)"/> and the properties may be called from any thread, also while a checkpoint is written; there is one writer at a time.
/// </summary>
public sealed class SnapshotStore : IDisposable
{
    private readonly ILogDevice _device;
    private readonly TimeProvider _time;
    private readonly IDisposable _ownership;
    private readonly ManifestPair _pair;
    private readonly ConcurrentDictionary<long, StateFile> _files = [];
    private readonly Lock _gate = new();
    private readonly List<string> _unwanted = []; // Files to be deleted after the next commit: they could not be deleted before, or must not (see below).

    // Files of a checkpoint that failed while its manifest was put in place. The next opening may find that manifest, so they stay until a later checkpoint has replaced it for sure.
    private readonly HashSet<StateFile> _mayBeFound = [];
    private volatile StateManifest _manifest;
    private ImmutableArray<StateFile> _current; // Of the committed checkpoint, ascending.
    private long _nextFile;
    private long _nextNumber;
    private bool _isWriting;

    private SnapshotStore(SnapshotOptions options, ILogDevice device, TimeProvider time, IDisposable ownership, OpenedState opened)
    {
        (Options, _device, _time, _ownership) = (options, device, time, ownership);
        _pair = new ManifestPair(device, options.Directory);
        (_manifest, _current, _nextFile, Repaired) = (opened.Manifest, opened.Files, opened.NextFile, opened.Repaired);
        _nextNumber = opened.Manifest.Head.Number + 1;
        foreach (var file in opened.Files)
        {
            _files[file.Number] = file;
        }
    }

    /// <summary>The committed checkpoint's head; null before the first.</summary>
    public SnapshotHead? Head => _manifest.Head.Number == 0 ? null : _manifest.Head;

    /// <summary>What opening found damaged and could make good by itself: one of the two copies of the manifest. Say it to an operator; the disk is not to be trusted.</summary>
    public ImmutableArray<StateDamage> Repaired { get; }

    public SnapshotOptions Options { get; }

    /// <summary>Bytes of the committed checkpoint's files.</summary>
    public long BytesOnDisk => Current.Sum(file => file.Bytes);

    /// <summary>The committed checkpoint's files, oldest first.</summary>
    public IReadOnlyList<StateFileInfo> Files => [.. Current.Select(file => file.Info)];

    private ImmutableArray<StateFile> Current
    {
        get
        {
            lock (_gate)
            {
                return _current;
            }
        }
    }

    /// <summary>
    /// Opens the directory, creating it when missing. Checks manifests, and of every file that counts header, length and footer; records and the index check themselves when they are read. Deletes what interrupted checkpoints left,
    /// last and only when everything was found sound.
    /// </summary>
    /// <exception cref="StateCorruptException">A file is damaged or missing. Nothing was changed.</exception>
    /// <exception cref="LogIncompatibleException">The state of another store, with another number of partitions, or of a newer format.</exception>
    /// <exception cref="LogInUseException">Another process has it open.</exception>
    public static SnapshotStore Open(SnapshotOptions options, ILogDevice device, TimeProvider time)
    {
        options.Validate();
        var ownership = device.Own(options.Directory);
        SnapshotStore? store = null;
        try
        {
            store = new SnapshotStore(options, device, time, ownership, new SnapshotOpening(options, device).Run());
            return store;
        }
        finally
        {
            if (store is null)
            {
                ownership.Dispose();
            }
        }
    }

    /// <summary>
    /// Takes a damaged state out of the way: every file of it is renamed to <c>name.damaged-N</c>, none deleted or overwritten, and the directory then opens empty. The directory must not be open. Returns the new paths.
    /// </summary>
    public static IReadOnlyList<string> SetAside(string directory, ILogDevice device)
    {
        using var ownership = device.Own(directory);
        return SettingAside.All(device, directory);
    }

    /// <summary>
    /// Shows the entries of all files, newest file first, within a file newest first: the first one seen of a thing is the current one. By the visitor's answers garbage is counted
    /// anew (what the last checkpoint knew stays the least); call it before any <see cref="Forget"/> and with no checkpoint under way.
    /// </summary>
    /// <exception cref="StateCorruptException">A block of an index is damaged; its entries were not shown.</exception>
    public void ReadIndex(IStateIndexVisitor visitor)
    {
        var buffer = Array.Empty<byte>();
        foreach (var file in Current.Reverse())
        {
            var (records, bytes) = StateIndexReader.Read(file, visitor, ref buffer);
            file.Recount(records, bytes);
        }
    }

    /// <summary>The payload of the record at a place, checked; it lies in the buffer, which grows to hold it and is meant to be used again. One read from the disk for records up to about 4 KB.</summary>
    /// <exception cref="StateCorruptException">The record is damaged; others are not concerned.</exception>
    /// <exception cref="StateGoneException">The place is older than the last committed checkpoint, or of one that was not committed.</exception>
    public ReadOnlySpan<byte> Read(StatePlace place, StateRecordKind kind, scoped ref byte[] buffer) => Read(place, kind, ref buffer, out _);

    /// <summary>The same, and what the record says of itself: compare it with what the place was kept for.</summary>
    public ReadOnlySpan<byte> Read(StatePlace place, StateRecordKind kind, scoped ref byte[] buffer, out StateEntry entry)
    {
        var file = FileOf(place);
        ReadOnlySpan<byte> frame;
        try
        {
            frame = file.ReadFrame(place.Position, Limits.StateReadBytes, ref buffer);
        }
        catch (ObjectDisposedException)
        {
            throw new StateGoneException(place); // Its file was dropped between the look-up and the read.
        }

        if (StateFrame.Kind(frame) != (byte)kind)
        {
            throw file.Corrupt(place.Position, $"the frame is of kind {StateFrame.Kind(frame)}, not {kind}");
        }

        entry = StateFrame.Entry(frame, place);
        return frame[StateFrame.HeaderBytes..];
    }

    /// <summary>
    /// The record there is garbage from now on: counted for its file, to choose victims, and kept with the next checkpoint. A hint and never more: a wrong one costs room or work, no data.
    /// </summary>
    /// <param name="superseded">Its place; nowhere and places of dropped files are passed over.</param>
    /// <param name="length">The record's bytes (<see cref="StateEntry.Length"/>); 0 counts the average of its file.</param>
    public void Forget(StatePlace superseded, int length = 0)
    {
        if (_files.TryGetValue(superseded.File, out var file))
        {
            file.Forget(1, length);
        }
    }

    /// <summary>Begins a checkpoint. Without compaction it has no victims, for a checkpoint that must be quick.</summary>
    /// <exception cref="InvalidOperationException">One is under way.</exception>
    public SnapshotWriter Begin(bool compact = true)
    {
        lock (_gate)
        {
            if (_isWriting)
            {
                throw new InvalidOperationException("A checkpoint is under way; there is one at a time.");
            }

            _isWriting = true;
            return new SnapshotWriter(this, _nextNumber++, compact ? VictimChoice.Choose(_current, Options) : []);
        }
    }

    /// <summary>
    /// Reads every byte of the committed checkpoint's files and reports all damage, file by file. Changes nothing; safe beside reads and a checkpoint under way, whose new files it does not look at.
    /// </summary>
    public StateReport Verify(CancellationToken cancel) => new StateVerification(Options.Directory, _device).Run(_manifest.Head.Number, cancel);

    /// <summary>The same for a directory that is not open here, also one that <see cref="Open"/> refuses. Without a sound manifest every state file is checked against itself.</summary>
    /// <exception cref="LogIncompatibleException">A newer format.</exception>
    public static StateReport Verify(string directory, ILogDevice device, CancellationToken cancel) => new StateVerification(directory, device).Run(0, cancel);

    public void Dispose()
    {
        foreach (var file in _files.Values)
        {
            file.Dispose();
        }

        _ownership.Dispose();
    }

    internal ImmutableArray<StateFile> CurrentFiles => Current;

    internal StateFile FileOf(StatePlace place) => _files.TryGetValue(place.File, out var file) ? file : throw new StateGoneException(place);

    /// <summary>A new file of the checkpoint under way. Its records can be read from now on.</summary>
    internal StateFileWriter NewFile(long checkpoint)
    {
        if (_nextFile > Limits.StateFileNumberMax)
        {
            throw new LogInvariantException($"{Options.Directory}: the numbers of state files are used up. Let the state be built anew in an empty directory.");
        }

        var number = _nextFile++;
        var path = Path.Combine(Options.Directory, StateFileNames.Of(number));
        var header = new StateFileHeader(Options.StoreId, number, checkpoint, Options.PartitionCount);
        var writer = new StateFileWriter(_device, path, header);
        _files[number] = writer.File;
        return writer;
    }

    /// <summary>The files are sealed. Makes them the state, together with the others that are no victims.</summary>
    internal SnapshotHead Commit(SnapshotHead head, List<StateFile> added, List<StateFile> victims)
    {
        var kept = _current.Except(victims).Concat(added).ToImmutableArray();
        if (kept.Length > Limits.StateFilesMax)
        {
            throw new LogInvariantException($"{Options.Directory}: a checkpoint of {kept.Length} files is more than {Limits.StateFilesMax}. Raise SnapshotOptions.StateFileBytesMax.");
        }

        head = head with { WrittenMicros = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond, Blob = head.Blob.ToArray() };
        var manifest = new StateManifest(Options.StoreId, _nextFile, head, [.. kept.Select(file => file.ManifestEntry)]);
        Publish(manifest, added);

        lock (_gate)
        {
            (_manifest, _current, _isWriting) = (manifest, kept, false);
        }

        victims.ForEach(Close);
        _unwanted.AddRange(victims.Select(file => file.Path));
        _unwanted.RemoveAll(TryDelete);
        return head;
    }

    private void Publish(StateManifest manifest, List<StateFile> added)
    {
        var prepared = false;
        try
        {
            _pair.Prepare(manifest.Encode());
            prepared = true;
            _pair.Publish();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (prepared)
            {
                _mayBeFound.UnionWith(added);
            }
            else
            {
                _pair.Unprepared.ForEach(path => TryDelete(path));
            }

            throw;
        }
    }

    /// <summary>The checkpoint under way is over without being committed. Until now its records could be read; its places are void from here on.</summary>
    internal void Abandon(List<StateFile> added)
    {
        foreach (var file in added)
        {
            Close(file);
            if (_mayBeFound.Remove(file))
            {
                _unwanted.Add(file.Path);
            }
            else
            {
                TryDelete(file.Path);
            }
        }

        lock (_gate)
        {
            _isWriting = false;
        }
    }

    private void Close(StateFile file)
    {
        _files.TryRemove(file.Number, out _);
        file.Dispose();
    }

    /// <summary>A file that cannot be deleted costs room and nothing else: it is tried again after the next checkpoint, and at the next opening.</summary>
    private bool TryDelete(string path)
    {
        try
        {
            _device.Delete(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
