using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Server.Hosting;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>
/// A feature repository that is to be live when the silo starts. Silos that start together all try: the first one's commit counts, and the others find that what they want is live already. A silo that starts later with
/// other definitions makes those live, as <c>apply</c> would; also with older ones.
/// </summary>
internal static class StartDefinitions
{
    /// <summary>Before the silo joins anybody: whether they could be made live as things are.</summary>
    /// <exception cref="SiloStartException">They are wrong, or would break users of what is live.</exception>
    public static void Check(string directory, DefinitionRegistry registry)
    {
        try
        {
            RepositoryPlan.Of(registry, directory);
        }
        catch (ServerStartException wrong)
        {
            throw new SiloStartException(wrong.Message, cause: wrong);
        }
    }

    /// <exception cref="SiloStartException">They are wrong, or contradict what is live, or others change them all the time.</exception>
    public static async Task ApplyAsync(string directory, DefinitionRegistry registry, DefinitionChanges changes, IClusterDefinitions definitions, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            await definitions.RefreshAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await changes.ApplyAsync(RepositoryPlan.Of(registry, directory), "serve --definitions", cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RequestRefusedException) when (attempt < Limits.DefinitionAttemptsMax)
            {
                // Another silo was first, and what is live now has to be looked at; or history forbids it, and then it will say so again.
            }
            catch (Exception failure) when (failure is RequestRefusedException or ServerStartException or MetadataException)
            {
                throw new SiloStartException(failure.Message, cause: failure);
            }
        }
    }
}
