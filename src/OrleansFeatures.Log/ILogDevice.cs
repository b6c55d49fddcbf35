namespace OrleansFeatures.Log;

/// <summary>
/// The log's seam to the disk: <see cref="FileLogDevice"/>, and in tests a memory disk that tears, fails, fills up and crashes.
/// An implementer must report a failure by throwing and must not retry; the log decides. Paths are built by the log, file names have no
/// directories in them. Called from several threads at once, but never twice at once for the same file's writes.
/// </summary>
public interface ILogDevice
{
    /// <summary>Creates the directory if missing, durably, and takes sole ownership of it until disposed. Throws <see cref="LogInUseException"/> naming the owner.</summary>
    IDisposable Own(string directory);

    /// <summary>The names of the files in the directory, in any order.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Opens a file. <see cref="LogFileAccess.Create"/> starts it empty, also if it exists; the others throw <see cref="FileNotFoundException"/> if it does not.</summary>
    ILogFile Open(string path, LogFileAccess access);

    /// <summary>Renames within the directory, atomically, replacing the target. Durable after <see cref="SyncDirectory"/>.</summary>
    void Rename(string from, string to);

    /// <summary>Deletes. Durable after <see cref="SyncDirectory"/>.</summary>
    void Delete(string path);

    /// <summary>Makes creations, renames and deletions in this directory durable.</summary>
    void SyncDirectory(string directory);
}

public enum LogFileAccess
{
    Read,
    ReadWrite,
    Create,
}

/// <summary>One open file of an <see cref="ILogDevice"/>. It may be disposed while another thread reads: that read finishes, or throws <see cref="ObjectDisposedException"/>.</summary>
public interface ILogFile : IDisposable
{
    long Length { get; }

    /// <summary>Reads at the position until the buffer is full or the file ends; returns the bytes read.</summary>
    int Read(long position, Span<byte> buffer);

    /// <summary>Writes all buffers one behind the other. Returns only when all is handed to the system. A full disk is an <see cref="IOException"/> that <see cref="DiskFull.Is"/> recognises.</summary>
    void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers);

    /// <summary>Returns only when everything written before, and the length, is on the medium (fdatasync).</summary>
    void Sync();

    /// <summary>Cuts the file, and gives back space reserved beyond the end.</summary>
    void Truncate(long length);

    /// <summary>Secures space so that writes up to this length cannot fail for want of it. The length stays as it is. False: no space, nothing was changed.</summary>
    bool TryReserve(long length);
}
