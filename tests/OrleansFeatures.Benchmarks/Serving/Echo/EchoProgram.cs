using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace OrleansFeatures.Benchmarks.Serving.Echo;

/// <summary>The wire's own limit as a process: the same listeners and transport as the store's, and a handler that answers any lookup with the same bytes.</summary>
internal static class EchoProgram
{
    public const string Name = "serving-echo";

    /// <param name="arguments"><c>--answer FILE</c>: the bytes.</param>
    public static Task Run(Arguments arguments)
    {
        byte[] answer = File.ReadAllBytes(arguments.Text("answer") ?? throw new InvalidOperationException("--answer names the file of the answer"));
        return ServingProgram.RunAsync(services => services.AddSingleton(new EchoService(answer)), app => app.MapGrpcService<EchoService>());
    }
}
