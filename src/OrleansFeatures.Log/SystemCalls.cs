using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OrleansFeatures.Log;

/// <summary>The calls that .NET does not offer. Every error number becomes an exception here.</summary>
internal static partial class SystemCalls
{
    private const int Interrupted = 4;
    private const int NotSupported = 95;
    private const int NoSpace = 28;
    private const int Quota = 122;
    private const int KeepSize = 1;
    private const int WouldBlock = 11;
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;
    private const int CloseOnExecLinux = 0x80000;
    private const int ReadOnly = 0; // O_RDONLY is 0 on every Unix; directories can be opened and synced with it.

    public static void SyncData(SafeFileHandle handle, string path)
    {
        // Never retried, also not when interrupted: after a failed fdatasync the kernel may call the lost pages clean.
        if (FDataSync(handle) != 0)
        {
            throw Error("fdatasync", path);
        }
    }

    /// <summary>True: reserved. False: no space. Null: this file system cannot reserve.</summary>
    public static bool? TryAllocate(SafeFileHandle handle, long length, string path)
    {
        while (FAllocate(handle, KeepSize, 0, length) != 0)
        {
            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    continue;
                case NotSupported:
                    return null;
                case NoSpace or Quota:
                    return false;
                default:
                    throw Error("fallocate", path);
            }
        }

        return true;
    }

    public static void SyncDirectory(string directory)
    {
        using var handle = OpenForReading(directory);
        if (FSync(handle) != 0)
        {
            throw Error("fsync", directory);
        }
    }

    /// <summary>Opens a file or directory as it is, without the advisory lock that .NET takes.</summary>
    public static SafeFileHandle OpenForReading(string path)
    {
        var descriptor = Open(path, ReadOnly);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Error("open", path);
    }

    /// <summary>
    /// Linux: takes the advisory lock of a file or directory for as long as the handle is open. False: another process, or another handle in this one, has it. True without a handle: this file system has no such locks.
    /// </summary>
    public static bool TryLock(string path, out SafeFileHandle? handle)
    {
        // Not inherited: a child process would otherwise keep the lock when this one has died.
        var descriptor = Open(path, ReadOnly | CloseOnExecLinux);
        handle = descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Error("open", path);
        if (FLock(handle, LockExclusive | LockNonBlocking) == 0)
        {
            return true;
        }

        var isHeld = Marshal.GetLastPInvokeError() == WouldBlock;
        handle.Dispose();
        handle = null;
        return !isHeld;
    }

    private static IOException Error(string call, string path)
    {
        var number = Marshal.GetLastPInvokeError();
        return new IOException($"{call} of {path} failed: {Marshal.GetPInvokeErrorMessage(number)} (errno {number})", number);
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int FAllocate(SafeFileHandle handle, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int FLock(SafeFileHandle handle, int operation);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
