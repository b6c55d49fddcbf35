using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace OrleansFeatures.Gateway.Metadata;

/// <summary>
/// Connects Microsoft.Data.Sqlite to the SQLite library that the operating system ships. The provider package asks for a library called
/// e_sqlite3, which a bundle package would bring; the names tried instead are the system's.
/// </summary>
internal static class SystemSqlite
{
    private static readonly string[] Names = OperatingSystem.IsWindows() ? ["winsqlite3.dll", "sqlite3.dll"]
        : OperatingSystem.IsMacOS() ? ["libsqlite3.dylib"]
        : ["libsqlite3.so.0", "libsqlite3.so"];

    private static readonly Lazy<bool> Connected = new(Connect);

    /// <summary>Once per process; later calls do nothing.</summary>
    /// <exception cref="MetadataException">The library is not installed.</exception>
    public static void EnsureConnected() => _ = Connected.Value;

    private static bool Connect()
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        try
        {
            raw.SetProvider(new SQLite3Provider_e_sqlite3());
        }
        catch (DllNotFoundException failure)
        {
            throw new MetadataException($"the SQLite library ({string.Join(" or ", Names)}) is not installed; on Debian: apt-get install libsqlite3-0", failure);
        }

        return true;
    }

    private static IntPtr Resolve(string library, Assembly assembly, DllImportSearchPath? path)
    {
        foreach (string name in library == "e_sqlite3" ? Names : [])
        {
            if (NativeLibrary.TryLoad(name, assembly, path, out IntPtr handle))
            {
                return handle;
            }
        }

        return IntPtr.Zero;
    }
}
