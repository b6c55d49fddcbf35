namespace OrleansFeatures.Log;

/// <summary>Recognises "no space" among the system's errors, by number and never by text.</summary>
public static class DiskFull
{
    // .NET passes errno through as HResult on Unix: ENOSPC, and EDQUOT as Linux and macOS number it. On Windows ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL as HRESULT.
    private const int NoSpace = 28;
    private const int QuotaLinux = 122;
    private const int QuotaMac = 69;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    public static bool Is(Exception exception) =>
        exception is IOException && exception.HResult is NoSpace or QuotaLinux or QuotaMac or WindowsDiskFull or WindowsHandleDiskFull;

    /// <summary>The same error as the system would raise it, for devices that are not the system.</summary>
    public static IOException Create(string path) => new($"No space left on device: {path}", NoSpace);
}
