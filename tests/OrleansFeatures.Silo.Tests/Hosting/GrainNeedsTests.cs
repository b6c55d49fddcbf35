using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Silo.Hosting;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Tests.Hosting;

public sealed class GrainNeedsTests
{
    [Fact]
    public async Task A_silo_whose_grains_lack_a_service_does_not_start_and_says_which()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddUpstream();
            silo.Services.AddSingleton<BodyIntake>();
        });
        await using InProcessTestCluster cluster = builder.Build();
        SiloStartException refused = await Should.ThrowAsync<SiloStartException>(cluster.DeployAsync);
        refused.Message.ShouldStartWith("UpstreamGrain cannot be made, because its BodyIntake cannot");
        refused.Message.ShouldContain(typeof(Ingestion).FullName!, customMessage: "what is missing is not the grain's own need");
    }
}
