using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using OrleansFeatures.Silo.Tests.Streams;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>
/// Orleans takes the grain classes of the program, which here are those of the tests too. The one that reads the log's streams for tests of streams cannot be made in whole silos, and a stream of which one reader cannot be
/// made is late for the other: the keeper finds the partition a second behind, and reads the log.
/// </summary>
internal static class TestGrains
{
    public static void LeaveOut(ISiloBuilder silo) => silo.Services.PostConfigure<GrainTypeOptions>(types => types.Classes.Remove(typeof(TailGrain)));
}
