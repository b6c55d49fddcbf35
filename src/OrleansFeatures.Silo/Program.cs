using OrleansFeatures.Server.Commands;
using OrleansFeatures.Silo.Commands;

namespace OrleansFeatures.Silo;

/// <summary>The entry of <c>orleans-features-silo</c>: one silo of a cluster, and the question how the cluster is.</summary>
internal static class Program
{
    public const string Name = "orleans-features-silo";

    public static Task<int> Main(string[] arguments) => CommandLine.RunAsync(Name, SiloCommands.Create(), arguments);
}
