using System.Diagnostics;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Tests;

/// <summary>One owner at a time, across processes. The other process is the system's own <c>flock</c>, which takes the same locks.</summary>
public class OwnershipTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_log_that_another_process_owns_is_refused_until_that_process_dies(bool byDirectory)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/flock"), "flock(1) of Linux plays the other process");
        using var directory = new TempDirectory();
        var lockFile = Path.Combine(directory, LogFiles.Lock);
        await File.WriteAllTextAsync(lockFile, "4711\n", Token);

        // With -o only flock itself holds the lock, and not the shell that it runs, which may die a little later.
        using var other = Process.Start(new ProcessStartInfo("/usr/bin/flock", ["-x", "-o", byDirectory ? directory.Path : lockFile, "-c", "echo held; read line"]) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        (await other.StandardOutput.ReadLineAsync(Token)).ShouldBe("held");

        Should.Throw<LogInUseException>(() => LogTestKit.Open(LogTestKit.Options(directory))).Owner.ShouldBe("process 4711");
        Directory.GetFiles(directory, "log.manifest").ShouldBeEmpty("a refused opening writes nothing");

        other.Kill(entireProcessTree: true);
        await other.WaitForExitAsync(Token);
        await using var log = LogTestKit.Open(LogTestKit.Options(directory));
        (await log.Append((0, "owned"))).First.ShouldBe(new LogSequence(0));
    }

    [Fact]
    public async Task Another_process_finds_file_and_directory_locked_while_the_log_is_open_and_free_afterwards()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/flock"), "flock(1) of Linux plays the other process");
        using var directory = new TempDirectory();
        var lockFile = Path.Combine(directory, LogFiles.Lock);
        await using (var log = LogTestKit.Open(LogTestKit.Options(directory)))
        {
            (await TryLock(lockFile)).ShouldBeFalse();
            (await TryLock(directory.Path)).ShouldBeFalse();
        }

        (await TryLock(lockFile)).ShouldBeTrue();
        (await TryLock(directory.Path)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_lock_file_that_was_deleted_damaged_or_emptied_lets_no_second_owner_in()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere an open file of this kind cannot be deleted, or the directory cannot be locked");
        using var directory = new TempDirectory();
        var options = LogTestKit.Options(directory);
        var lockFile = Path.Combine(directory, LogFiles.Lock);
        await using (var log = LogTestKit.Open(options))
        {
            File.Delete(lockFile);
            Should.Throw<LogInUseException>(() => LogTestKit.Open(options));
            await log.Append((0, "undisturbed"));
        }

        foreach (var content in new byte[][] { [], [0, 255, 10], new byte[4096] })
        {
            await File.WriteAllBytesAsync(lockFile, content, Token);
            await using var log = LogTestKit.Open(options);
            log.ReadAll().Count.ShouldBe(1, "what the lock file says does not matter");
        }
    }

    private static async Task<bool> TryLock(string path)
    {
        using var process = Process.Start("/usr/bin/flock", ["-n", "-x", path, "true"]);
        await process.WaitForExitAsync(Token);
        return process.ExitCode == 0;
    }
}
