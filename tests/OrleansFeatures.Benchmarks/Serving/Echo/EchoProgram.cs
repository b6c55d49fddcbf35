using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace OrleansFeatures.Benchmarks.Serving.Echo;

/// <summary>The wire's own limit as a process: the same listeners and transport as the store's, and handlers that answer any lookup with the same bytes, and any push once its bytes are on disk.</summary>
internal static class EchoProgram
{
    public const string Name = "serving-echo";

    /// <param name="arguments"><c>--answer FILE</c>: the bytes; <c>--log FILE</c>: where pushes go.</param>
    public static async Task Run(Arguments arguments)
    {
        byte[] answer = File.ReadAllBytes(arguments.Text("answer") ?? throw new InvalidOperationException("--answer names the file of the answer"));
        using var log = new BareLog(arguments.Text("log") ?? throw new InvalidOperationException("--log names the file of the pushes"));
        await ServingProgram.RunAsync(services => services.AddSingleton(new EchoService(answer)).AddSingleton(new EchoPushes(log)), app =>
        {
            app.MapGrpcService<EchoService>();
            app.MapGrpcService<EchoPushes>();
        });
    }
}
