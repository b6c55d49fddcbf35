using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>
/// Makes what grains are made of before the silo joins anybody. Orleans makes a grain when it is first called; one that cannot be made is refused with a line at the level of debugging, its callers see time-outs, and a stream
/// that it reads stands still without a word. What is missing then is a fault of whoever put the silo together, and is told here, by its name.
/// </summary>
internal sealed class GrainNeeds(IServiceProvider services, IEnumerable<GrainNeeds.Of> grains) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>The silo does not start unless everything that the constructors of these grain classes ask for can be made.</summary>
    public static void Require(IServiceCollection services, params ReadOnlySpan<Type> grains)
    {
        foreach (Type grain in grains)
        {
            services.AddSingleton(new Of(grain));
        }

        services.TryAddEnumerable(ServiceDescriptor.Singleton<ILifecycleParticipant<ISiloLifecycle>, GrainNeeds>());
    }

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(nameof(GrainNeeds), ServiceLifecycleStage.First, _ =>
    {
        foreach (Of needed in grains)
        {
            Make(needed.Grain);
        }

        return Task.CompletedTask;
    });

    /// <summary>Facets, as a persistent state is one, are made for each grain by its provider, which Orleans looks for at start by itself.</summary>
    private void Make(Type grain)
    {
        foreach (Type need in grain.GetConstructors().Single().GetParameters().Where(parameter => !parameter.GetCustomAttributes(inherit: true).OfType<IFacetMetadata>().Any()).Select(parameter => parameter.ParameterType))
        {
            try
            {
                services.GetRequiredService(need);
            }
            catch (InvalidOperationException missing)
            {
                throw new SiloStartException($"{grain.Name} cannot be made, because its {need.Name} cannot ({missing.Message}): register what is missing where the silo is built", cause: missing);
            }
        }
    }

    /// <summary>A grain class.</summary>
    internal sealed record Of(Type Grain);
}
