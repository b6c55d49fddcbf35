namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// A file of the state is not what the store wrote. Nothing was changed on disk. The event log may hold everything that the state was made of: set the state aside
/// (<see cref="SnapshotStore.SetAside"/>) and build it anew, or restore the named file from a copy.
/// </summary>
public sealed class StateCorruptException : LogException
{
    public StateCorruptException(string file, long bytePosition, string reason, string concerned)
        : base($"{file}, byte {bytePosition}: {reason}. Concerned: {concerned}. Nothing was changed; restore this file from a copy, or let the state be built anew from the event log.")
    {
        File = file;
        BytePosition = bytePosition;
        Reason = reason;
        Concerned = concerned;
    }

    /// <summary>Path of the damaged or missing file.</summary>
    public string File { get; }

    /// <summary>Where in the file the damage was met: the start of the first thing that does not check.</summary>
    public long BytePosition { get; }

    public string Reason { get; }

    /// <summary>What cannot be read for it, in words.</summary>
    public string Concerned { get; }
}

/// <summary>
/// A write or sync of a checkpoint has failed. That checkpoint is lost and its files are abandoned, never retried; the one before it stays in use, and the next may be begun.
/// If it failed at its very end, opening the directory later may find it nevertheless, whole.
/// </summary>
public sealed class StateWriteException : LogException
{
    public StateWriteException(string operation, Exception cause)
        : base($"The checkpoint failed: {operation} ({cause.Message}). The checkpoint before it stays in use and the log goes on; look at the disk.", cause)
    {
    }
}

/// <summary>No space for this checkpoint. Its files were given up, the checkpoint before it stays in use; the next one works as soon as there is space.</summary>
public sealed class StateFullException : LogException
{
    public StateFullException(string operation, Exception cause)
        : base($"The checkpoint failed for want of space: {operation} ({cause.Message}). The checkpoint before it stays in use. Free some space; the next checkpoint then works by itself.", cause)
    {
    }
}

/// <summary>A place names a file that is not there: its records were carried over by a later checkpoint, or its checkpoint was never committed. Look the place up again.</summary>
public sealed class StateGoneException : LogException
{
    public StateGoneException(StatePlace place)
        : base($"The state record at {place} is not there any more: its file was carried over by a later checkpoint, or its checkpoint was never committed. Look its place up again.") =>
        Place = place;

    public StatePlace Place { get; }
}
