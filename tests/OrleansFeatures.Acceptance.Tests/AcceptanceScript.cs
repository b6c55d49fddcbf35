using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace OrleansFeatures.Acceptance.Tests;

/// <summary>One run of a script of tests/acceptance against the program that this build made. Skipped, with the reason, where its data or Python is absent.</summary>
internal static class AcceptanceScript
{
    /// <summary>Ten times what a slice takes: only a script that hangs meets it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly string Root = FindRoot();

    public static string Definitions => Path.Combine(Root, "definitions", "fraud");

    public static string FraudDefinitions => Path.Combine(Root, "definitions", "fraud", "fraud.yaml");

    /// <summary>Runs the script to its end; everything it said goes to the test's output and, should it fail, into the message.</summary>
    public static async Task Pass(string script, string[] arguments, params string[] dataFiles)
    {
        (int exitCode, string said) = await Run(script, arguments, dataFiles);
        exitCode.ShouldBe(0, said);
    }

    /// <summary>Runs the script to its end; what it said begins with its command line.</summary>
    public static async Task<(int ExitCode, string Said)> Run(string script, string[] arguments, params string[] dataFiles)
    {
        foreach (string file in dataFiles)
        {
            Assert.SkipUnless(File.Exists(Path.Combine(Root, "..", "shared", "data", file)), $"../shared/data/{file} is not there: put the data folder beside the project to run this test");
        }

        using Process process = Start(Python(), [Path.Combine(Root, "tests", "acceptance", script), .. arguments, "--program", Program()]);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        Task<string> said = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        Task<string> complained = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }

        string all = $"{script} {string.Join(' ', arguments)}\n{await said}{await complained}";
        TestContext.Current.TestOutputHelper?.WriteLine(all);
        return (process.ExitCode, all);
    }

    /// <summary>The program of the same build and configuration as these tests.</summary>
    public static string Program() => BuiltFile("OrleansFeatures.Server", "orleans-features");

    /// <summary>What another project's build made, beside these tests: .../bin/PROJECT/CONFIGURATION.</summary>
    public static string BuiltFile(string project, string file)
    {
        string own = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        return Path.GetFullPath(Path.Combine(own, "..", "..", project, Path.GetFileName(own), file));
    }

    private static Process Start(string program, string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static string Python()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        string? found = folders.Prepend("/usr/bin").Select(folder => Path.Combine(folder, "python3")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(found is null, "python3 is not installed: ./test.sh installs it");
        return found;
    }

    private static string FindRoot([CallerFilePath] string here = "")
    {
        string? folder = Path.GetDirectoryName(here);
        while (folder is not null && !File.Exists(Path.Combine(folder, "OrleansFeatures.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"no OrleansFeatures.sln above {here}");
    }
}
