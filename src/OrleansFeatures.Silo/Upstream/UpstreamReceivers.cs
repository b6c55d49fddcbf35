using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Providers;
using Orleans.Providers.Streams.Common;
using Orleans.Streams;

namespace OrleansFeatures.Silo.Upstream;

/// <summary>
/// Makes this silo's receivers of the upstream begin again at the kept positions, by stopping its pulling agents and starting them. Reached in every silo by one control command, because nobody but Orleans knows
/// which silo reads which queue; and carried out within the silo, so that no silo's death can leave the agents of another one stopped.
/// </summary>
internal sealed class UpstreamReceivers(IServiceProvider services) : IControllable, IDisposable
{
    /// <summary>The only command.</summary>
    public const int BeginAnew = 0;

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private long _begun;

    /// <summary>Several partitions may find a gap at once: one new beginning serves them all.</summary>
    public async Task<object?> ExecuteCommand(int command, object? arg)
    {
        long asked = Stopwatch.GetTimestamp();
        await _oneAtATime.WaitAsync();
        try
        {
            if (_begun <= asked && services.GetKeyedService<IStreamProvider>(UpstreamStream.Name) is IControllable provider)
            {
                await provider.ExecuteCommand((int)PersistentStreamProviderCommand.StopAgents, null);
                await provider.ExecuteCommand((int)PersistentStreamProviderCommand.StartAgents, null);
                _begun = Stopwatch.GetTimestamp();
            }

            return null;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();
}
