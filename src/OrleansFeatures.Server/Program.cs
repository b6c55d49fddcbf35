using OrleansFeatures.Server.Commands;

namespace OrleansFeatures.Server;

/// <summary>The entry of <c>orleans-features</c>.</summary>
internal static class Program
{
    public static Task<int> Main(string[] arguments) => CommandLine.RunAsync("orleans-features", RootCommands.Create(), arguments);
}
