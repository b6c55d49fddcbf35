using System.Diagnostics;
using Xunit;

namespace OrleansFeatures.Server.Tests.Load;

/// <summary>The k6 scripts in loadtest/, run by tests/clients/k6.mjs, which plays k6.</summary>
internal static class LoadScripts
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromMinutes(3);

    public static string Root { get; } = FindRoot();

    public static string Folder => Path.Combine(Root, "loadtest", "k6");

    private static string Clients => Path.Combine(Root, "tests", "clients");

    public static void SkipWithoutNode() =>
        Assert.SkipUnless(Directory.Exists(Path.Combine(Clients, "node_modules", "@grpc", "grpc-js")), "grpc-js is not installed: run 'npm ci --prefix tests/clients'.");

    public static async Task<string> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("node", ["--no-warnings", "--experimental-vm-modules", "k6.mjs", .. arguments])
        {
            WorkingDirectory = Clients,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeLimit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"k6.mjs did not end within {TimeLimit}: {await error}");
        }

        return process.ExitCode == 0 ? await output : throw new InvalidOperationException(await error);
    }

    /// <summary>A copy of the scripts with what they read, in which a test may break something.</summary>
    public static string CopyTo(string directory)
    {
        foreach (string file in new[] { "protos", "loadtest" }.SelectMany(part => Directory.GetFiles(Path.Combine(Root, part), "*", SearchOption.AllDirectories)))
        {
            string copy = Path.Combine(directory, Path.GetRelativePath(Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return Path.Combine(directory, "loadtest", "k6");
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "OrleansFeatures.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"no OrleansFeatures.sln above {AppContext.BaseDirectory}");
    }
}
