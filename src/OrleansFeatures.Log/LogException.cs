using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log;

/// <summary>Everything that the world (disk, directory, other processes) can do to the log. Each message says what happened, where, and what to do.</summary>
public abstract class LogException : Exception
{
    /// <summary>A log that is kept elsewhere has failures of its own kinds; they derive from this.</summary>
    protected LogException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}

/// <summary>
/// The files are not what the log wrote. Nothing was changed on disk. Restore the named file from a copy, or start an empty directory;
/// or ask for it to be skipped: <see cref="LogOptions.Recovery"/>. The log never skips damage by itself.
/// </summary>
public sealed class LogCorruptException : LogException
{
    public LogCorruptException(string file, long bytePosition, LogSequence first, LogSequence last, string reason)
        : base($"{file}, byte {bytePosition}: {reason}. Records from sequence {first} {(last.Value < 0 ? "on" : $"to {last}")} cannot be read. "
            + "Nothing was changed; restore this file from a copy or a replica, or open the log with recovery set to skip, which gives up what is damaged and tells what that is.")
    {
        File = file;
        BytePosition = bytePosition;
        FirstSequence = first;
        LastSequence = last;
        Reason = reason;
    }

    /// <summary>Path of the damaged or missing file.</summary>
    public string File { get; }

    /// <summary>Where in the file the damage begins: the start of the first frame or header that does not check.</summary>
    public long BytePosition { get; }

    /// <summary>First record that cannot be trusted.</summary>
    public LogSequence FirstSequence { get; }

    /// <summary>Last record that the damage may concern, or <see cref="LogSequence.None"/> if that cannot be told.</summary>
    public LogSequence LastSequence { get; }

    public string Reason { get; }
}

/// <summary>
/// The disk could not read a file. What it holds is not known to be damaged: the read may work later, or never again. The log takes appends as before.
/// </summary>
public sealed class LogReadException : LogException
{
    public LogReadException(string file, long bytePosition, Exception cause)
        : base($"{file}, byte {bytePosition}: the disk could not read it ({cause.Message}). Try again; if it stays, copy the directory to another disk, or restore this file from a copy or a replica.", cause) =>
        (File, BytePosition) = (file, bytePosition);

    public string File { get; }

    /// <summary>Where the read began that failed.</summary>
    public long BytePosition { get; }
}

/// <summary>
/// A write or sync has failed. What the disk holds past the last acknowledged record is unknown, so that this log acknowledges nothing
/// any more; reading goes on. The failed appends may or may not be found after reopening: send them again with the same ids.
/// </summary>
public sealed class LogPoisonedException : LogException
{
    public LogPoisonedException(string operation, LogSequence durable, Exception cause)
        : base($"The log stopped accepting: {operation} failed ({cause.Message}). Everything up to sequence {durable} is safe. "
            + "Look at the disk, then restart the process; send unacknowledged events again.", cause)
    {
        DurableSequence = durable;
        IsDiskFull = DiskFull.Is(cause);
    }

    /// <summary>Everything up to here was acknowledged and is on disk.</summary>
    public LogSequence DurableSequence { get; }

    /// <summary>Whether the failed write found the disk full (a file system that cannot reserve space ahead).</summary>
    public bool IsDiskFull { get; }
}

/// <summary>No space for this append. Nothing of it was written, the log is intact, and appends go on as soon as there is space again.</summary>
public sealed class LogFullException : LogException
{
    public LogFullException(string file, long bytesWanted, Exception? inner = null)
        : base($"{file}: no space left for {bytesWanted} more bytes. The append was refused, nothing of it was written. Free some space; appends then go on by themselves.", inner)
    {
        File = file;
        BytesWanted = bytesWanted;
    }

    public string File { get; }

    public long BytesWanted { get; }
}

/// <summary>The wanted records are no longer in the log: <see cref="EventLog.Truncate"/> has dropped their segment. Nothing is damaged; what the log still holds begins at <see cref="FirstSequence"/>.</summary>
public sealed class LogTruncatedException : LogException
{
    public LogTruncatedException(LogSequence wanted, LogSequence first)
        : base($"Record {wanted} is no longer in the log: its history before sequence {first} was dropped. Read from {first} on, or keep more history.")
    {
        Wanted = wanted;
        FirstSequence = first;
    }

    public LogSequence Wanted { get; }

    /// <summary>The oldest record that the log held at that moment.</summary>
    public LogSequence FirstSequence { get; }
}

/// <summary>The wanted record was lost: it lay in damage that an opening with <see cref="DamageRecovery.Skip"/> gave up. Its neighbours can be read.</summary>
public sealed class LogGapException : LogException
{
    public LogGapException(LogSequence wanted, LogDamage gap)
        : base($"Record {wanted} is lost with damage that was skipped. {gap} To have it back, restore that file from a copy or a replica.") => (Wanted, Gap) = (wanted, gap);

    public LogSequence Wanted { get; }

    public LogDamage Gap { get; }
}

/// <summary>Old segments could not be dropped, or not deleted. The log is sound and goes on; the message says how far it came. Try again when the disk is well.</summary>
public sealed class LogTruncationException : LogException
{
    public LogTruncationException(string file, string consequence, Exception cause)
        : base($"{file}: old segments could not be dropped ({cause.Message}). {consequence}", cause) => File = file;

    public string File { get; }
}

/// <summary>More callers wait for room than <see cref="Limits.WaitingAppendsMax"/>. Nothing was appended; try again later.</summary>
public sealed class LogOverloadedException : LogException
{
    public LogOverloadedException(int waiting)
        : base($"{waiting} appends already wait for the log; this one was refused. Send less at once, or raise LogOptions.QueueBytesMax.")
    {
    }
}

/// <summary>Another process, or another log in this process, owns the directory.</summary>
public sealed class LogInUseException : LogException
{
    public LogInUseException(string directory, string owner)
        : base($"{directory} is in use by {owner}. Stop that process, or choose another data directory.")
    {
        Directory = directory;
        Owner = owner;
    }

    public string Directory { get; }

    /// <summary>For example "process 4711".</summary>
    public string Owner { get; }
}

/// <summary>The directory holds a sound log that this program or these options cannot open: a newer format, or another number of partitions.</summary>
public sealed class LogIncompatibleException : LogException
{
    public LogIncompatibleException(string file, string reason) : base($"{file}: {reason}") => File = file;

    public string File { get; }
}

/// <summary>A bug in the log itself, found by an always-on check.</summary>
public sealed class LogInvariantException : LogException
{
    public LogInvariantException(string message) : base(message)
    {
    }
}
