using System.Runtime.CompilerServices;

namespace OrleansFeatures.Benchmarks;

/// <summary>Where things lie in the tree.</summary>
internal static class Places
{
    public static string Root { get; } = Find();

    public static string FraudDefinitions => Path.Combine(Root, "definitions", "fraud");

    /// <summary>The release build of the program.</summary>
    public static string Program => Path.Combine(Root, "artifacts", "bin", "OrleansFeatures.Server", "release", "orleans-features");

    private static string Find([CallerFilePath] string here = "")
    {
        string? folder = Path.GetDirectoryName(here);
        while (folder is not null && !File.Exists(Path.Combine(folder, "OrleansFeatures.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"no OrleansFeatures.sln above {here}");
    }
}
