using StackExchange.Redis;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>The connection to the Redis that holds the cluster's members. Once made it comes back by itself; while Redis is away the cluster stays as it is, and nobody can join.</summary>
internal static class RedisMembers
{
    /// <exception cref="SiloStartException">Redis does not answer, or not to us.</exception>
    public static async Task<IConnectionMultiplexer> ConnectAsync(string configuration, CancellationToken cancellationToken)
    {
        ConfigurationOptions options = ConfigurationOptions.Parse(configuration);
        options.AbortOnConnectFail = true;
        try
        {
            return await ConnectionMultiplexer.ConnectAsync(options).WaitAsync(Limits.RedisConnectMax, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is RedisConnectionException or TimeoutException)
        {
            // The configuration may hold a password; the end points do not.
            throw new SiloStartException(
                $"Redis at {string.Join(", ", options.EndPoints)} does not answer ({failure.Message.Split('.')[0]}): start it, or say where it is with --redis or ORLEANS_FEATURES_REDIS", unreachable: true, failure);
        }
    }
}
