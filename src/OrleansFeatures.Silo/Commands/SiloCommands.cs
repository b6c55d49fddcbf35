using System.CommandLine;

namespace OrleansFeatures.Silo.Commands;

/// <summary>Every command of <c>orleans-features-silo</c>. What clients do (push, get, apply ...) is <c>orleans-features</c>, with the address of any silo.</summary>
internal static class SiloCommands
{
    public static RootCommand Create() => new("A silo of an OrleansFeatures cluster: entities in memory, their log and state in PostgreSQL, the gateway for all of them.")
    {
        ServeSiloCommand.Create(),
        ClusterStatusCommand.Create(),
    };
}
