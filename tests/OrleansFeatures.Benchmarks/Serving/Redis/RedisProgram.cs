using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace OrleansFeatures.Benchmarks.Serving.Redis;

/// <summary>What a user would otherwise build, as a process: a gRPC service of the same shape, on the same transport, over a redis-server.</summary>
internal static class RedisProgram
{
    public const string Name = "serving-redis";

    /// <param name="arguments"><c>--redis PORT</c>.</param>
    public static async Task Run(Arguments arguments)
    {
        RedisStore store = await RedisStore.ConnectAsync(arguments.Number("redis", 6379));
        await ServingProgram.RunAsync(services => services.AddSingleton(store), app =>
        {
            app.MapGrpcService<RedisLookups>();
            app.MapGrpcService<RedisPushes>();
        });
    }
}
