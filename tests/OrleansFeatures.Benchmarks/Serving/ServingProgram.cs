using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansFeatures.Gateway.Hosting;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>A server to compare with, in a process of its own: the store's listeners and limits around other services. Ends with SIGTERM, like the store.</summary>
internal static class ServingProgram
{
    public static async Task RunAsync(Action<IServiceCollection> register, Action<WebApplication> map)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listeners.Configure(kestrel, IPAddress.Loopback, 0, 0, ConnectionLimits.OfThisProcess()));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        register(builder.Services);
        await using WebApplication app = builder.Build();
        map(app);
        await app.StartAsync();
        Console.WriteLine($"ready grpc={Listeners.Addresses(app).Grpc.GetLeftPart(UriPartial.Authority)}");
        await app.WaitForShutdownAsync();
    }
}
