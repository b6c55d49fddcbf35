using Microsoft.Extensions.Hosting;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>Signals belong to the program, which drains the silo step by step; the host's own lifetime would tell every part to stop at once.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
