using System.Runtime.InteropServices;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// Asks Linux to back a slab with large pages: state is touched at random, and with pages of 4 KB nearly every touch of a gigabyte misses the translation cache as well. Where the system does not
/// allow it (transparent_hugepage is <c>never</c>, or another system) nothing happens.
/// </summary>
internal static partial class LargePages
{
    private const int Bytes = 2 * 1024 * 1024;
    private const int Advice = 14;

    public static void Ask(nint address, nint length)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // Outwards to whole pages, because slabs lie side by side: inwards, half of every slab of 4 MB would keep small pages. For whatever else lies there it is good advice too. A refusal only
        // means ordinary pages.
        nint first = address & ~(Bytes - 1);
        nint end = (address + length + Bytes - 1) & ~(Bytes - 1);
        _ = Advise(first, (nuint)(end - first), Advice);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
