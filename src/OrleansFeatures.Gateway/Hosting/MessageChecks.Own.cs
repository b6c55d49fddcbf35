using Microsoft.Extensions.DependencyInjection;

namespace OrleansFeatures.Gateway.Hosting;

/// <summary>The transport of this build follows the lengths of every message before they are parsed (<c>Grpc.Framing.MessageShape</c>). Builds with the official packages have MessageChecks.Official.cs in place of this file.</summary>
internal static class MessageChecks
{
    public static void AddMessageChecks(this IServiceCollection services) => _ = services;
}
