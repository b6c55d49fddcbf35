using System.Diagnostics;
using System.Globalization;

namespace OrleansFeatures.Acceptance.Tests.Faults;

/// <summary>A file system of a few megabytes, in memory, that is full when a test wants it to be. Only root may mount one; elsewhere its tests are skipped and say so.</summary>
internal sealed class TinyDisk : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orleans-features-disk-");

    private TinyDisk(int megabytes)
    {
        string refusal = Run("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m"), "tmpfs", _directory.FullName);
        if (refusal.Length > 0)
        {
            _directory.Delete();
            Assert.Skip($"a disk that can be filled up cannot be mounted here, which takes root and Linux: {refusal}");
        }
    }

    public string Data => Path.Combine(_directory.FullName, "data");

    private string Ballast => Path.Combine(_directory.FullName, "ballast");

    public static TinyDisk Mount(int megabytes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "a disk that can be filled up is mounted as tmpfs, which is Linux's");
        return new TinyDisk(megabytes);
    }

    /// <summary>Takes that much of it.</summary>
    public void Take(int megabytes) => File.WriteAllBytes(Ballast, new byte[megabytes << 20]);

    /// <summary>Takes all that is left, to the last byte.</summary>
    public void TakeAll()
    {
        using var file = new FileStream(Path.Combine(_directory.FullName, "rest"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] page = new byte[4_096];
        try
        {
            while (true)
            {
                file.Write(page);
            }
        }
        catch (IOException)
        {
            // Full, which is what was asked for.
        }
    }

    public void GiveBack()
    {
        File.Delete(Ballast);
        File.Delete(Path.Combine(_directory.FullName, "rest"));
    }

    public void Dispose()
    {
        Run("umount", "--lazy", _directory.FullName);
        _directory.Delete();
    }

    /// <summary>Runs a command to its end; empty when it went well, else what it said.</summary>
    private static string Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            string said = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? "" : $"{program} ended with {process.ExitCode}: {said.Trim()}";
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return $"{program}: {missing.Message}";
        }
    }
}
