using Microsoft.Win32.SafeHandles;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log;

/// <summary>The real disk. On Linux fdatasync, fallocate and fsync of directories go straight to the C library; elsewhere the nearest that .NET offers.</summary>
public sealed class FileLogDevice : ILogDevice
{
    public IDisposable Own(string directory)
    {
        CreateDurably(Path.GetFullPath(directory));
        var path = Path.Combine(directory, LogFiles.Lock);
        var lockedDirectory = LockDirectory(directory, path);
        FileStream? stream = null;
        var owned = false;
        try
        {
            // FileShare.None is flock(LOCK_EX) on Unix: it ends with the process, however the process ends. The file itself stays, because
            // deleting it would let two openers hold locks on two files of the same name.
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            stream.SetLength(0);
            stream.Write(System.Text.Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"));
            owned = true;
            return new Ownership(stream, lockedDirectory);
        }
        catch (IOException e) when (IsSharingViolation(e))
        {
            throw new LogInUseException(directory, OwnerOf(path));
        }
        finally
        {
            if (!owned)
            {
                stream?.Dispose();
                lockedDirectory?.Dispose();
            }
        }
    }

    public IReadOnlyList<string> List(string directory) => [.. Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path))];

    public ILogFile Open(string path, LogFileAccess access)
    {
        var (mode, rights) = access switch
        {
            LogFileAccess.Read => (FileMode.Open, FileAccess.Read),
            LogFileAccess.ReadWrite => (FileMode.Open, FileAccess.ReadWrite),
            LogFileAccess.Create => (FileMode.Create, FileAccess.ReadWrite),
            _ => throw new ArgumentOutOfRangeException(nameof(access)),
        };

        // FileShare.ReadWrite: replay opens the segment that is being written. The directory lock keeps strangers out.
        return new SystemFile(path, File.OpenHandle(path, mode, rights, FileShare.ReadWrite | FileShare.Delete));
    }

    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    public void Delete(string path) => File.Delete(path);

    public void SyncDirectory(string directory)
    {
        if (!OperatingSystem.IsWindows())
        {
            SystemCalls.SyncDirectory(directory);
        }
    }

    /// <summary>Every directory that is missing on the way, each made durable in the one above it.</summary>
    private void CreateDurably(string directory)
    {
        if (Directory.Exists(directory))
        {
            return;
        }

        var above = Path.GetDirectoryName(directory);
        if (above is not null)
        {
            CreateDurably(above);
        }

        Directory.CreateDirectory(directory);
        SyncDirectory(above ?? directory);
    }

    /// <summary>The directory itself is locked as well: somebody may delete the lock file of a running log, and its name would then be free for a second owner. Null where that cannot be done.</summary>
    private static SafeFileHandle? LockDirectory(string directory, string lockFile) =>
        !OperatingSystem.IsLinux() ? null
        : SystemCalls.TryLock(directory, out var handle) ? handle
        : throw new LogInUseException(directory, OwnerOf(lockFile));

    private static bool IsSharingViolation(IOException e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static string OwnerOf(string lockFile)
    {
        if (OperatingSystem.IsWindows())
        {
            return "another process"; // A file opened with FileShare.None cannot be read there.
        }

        try
        {
            // Not by FileStream: it would take a shared lock, which the owner's exclusive one forbids.
            using var handle = SystemCalls.OpenForReading(lockFile);
            var text = new byte[16];
            return int.TryParse(text.AsSpan(0, RandomAccess.Read(handle, text, 0)).TrimEnd((byte)'\n'), out var pid) ? $"process {pid}" : "another process";
        }
        catch (IOException)
        {
            return "another process"; // Its number could not be read; that it is in use is certain all the same.
        }
    }

    private sealed class Ownership(FileStream file, SafeFileHandle? directory) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            directory?.Dispose();
        }
    }

    private sealed class SystemFile(string path, SafeFileHandle handle) : ILogFile
    {
        public long Length => RandomAccess.GetLength(handle);

        public int Read(long position, Span<byte> buffer)
        {
            var total = 0;
            while (total < buffer.Length)
            {
                var read = RandomAccess.Read(handle, buffer[total..], position + total);
                if (read == 0)
                {
                    break;
                }

                total += read;
            }

            return total;
        }

        public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
        {
            if (buffers.Count == 1)
            {
                RandomAccess.Write(handle, buffers[0].Span, position);
            }
            else
            {
                RandomAccess.Write(handle, buffers, position);
            }
        }

        public void Sync()
        {
            if (OperatingSystem.IsLinux())
            {
                SystemCalls.SyncData(handle, path);
            }
            else
            {
                RandomAccess.FlushToDisk(handle);
            }
        }

        public void Truncate(long length) => RandomAccess.SetLength(handle, length);

        public bool TryReserve(long length)
        {
            if (OperatingSystem.IsLinux() && SystemCalls.TryAllocate(handle, length, path) is { } reserved)
            {
                return reserved;
            }

            // No fallocate here: ask for free space instead. That is not a reservation; a write that fails all the same poisons the log.
            var drive = new DriveInfo(Path.GetPathRoot(Path.GetFullPath(path))!);
            return drive.AvailableFreeSpace >= length - Length;
        }

        public void Dispose() => handle.Dispose();
    }
}
