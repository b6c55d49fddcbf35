using System.Diagnostics;
using Grpc.Tests.Kit;

namespace Grpc.Tests.Foreign;

/// <summary>The programs in tests/clients, and what is needed to run them.</summary>
internal static class ForeignProgram
{
    /// <summary>Debian's own Python: the gRPC module is a Debian package, which other Pythons on the path do not see.</summary>
    public const string Python = "/usr/bin/python3";

    public static readonly string Folder = FindFolder();
    public static readonly string Protos = Path.Combine(Folder, "..", "OrleansFeatures.Grpc.Tests", "protos");

    /// <summary>Null where buf has no binary for this machine, or npm did not run.</summary>
    public static readonly string? Buf = new[] { "buf-linux-x64", "buf-linux-aarch64" }
        .Select(package => Path.Combine(Folder, "node_modules", "@bufbuild", package, "bin", "buf"))
        .FirstOrDefault(File.Exists);

    public static void SkipWithoutNode()
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Folder, "node_modules", "@grpc", "grpc-js")), "grpc-js is not installed: run 'npm ci --prefix tests/clients'.");
        Assert.SkipUnless(IsRunnable("node", "--version"), "node is not installed.");
    }

    public static void SkipWithoutPython() =>
        Assert.SkipUnless(File.Exists(Python) && IsRunnable(Python, "-c", "import grpc"), "Python's gRPC is not installed: apt-get install python3-grpcio.");

    /// <summary>Starts a program; its standard output can be read line by line.</summary>
    public static Process Start(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        return Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string file, params string[] arguments)
    {
        using var process = Start(file, arguments);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(Wait.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(Wait.Token);
        try
        {
            await Wait.For(process.WaitForExitAsync(Wait.Token), $"{Path.GetFileName(file)} {string.Join(' ', arguments)}");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }

        return (process.ExitCode, await output, await errors);
    }

    private static bool IsRunnable(string file, params string[] arguments)
    {
        try
        {
            using var process = Start(file, arguments);
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static string FindFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string clients = Path.Combine(folder.FullName, "tests", "clients");
            if (File.Exists(Path.Combine(clients, "package.json")))
            {
                return clients;
            }
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds tests/clients/package.json.");
    }
}
