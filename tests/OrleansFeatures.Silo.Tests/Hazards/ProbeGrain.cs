using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Tests.Hazards;

public interface IProbeGrain : IGrainWithStringKey
{
    Task<(SiloAddress Silo, Guid Activation)> WhereAsync();

    /// <summary>Answers when the test says so.</summary>
    Task HangAsync();

    /// <summary>Lets another probe hang, from the silo of this one.</summary>
    Task CallHangingAsync(string key);

    /// <summary>Asks Orleans to move it, as its parts that balance load do.</summary>
    Task MigrateAsync(SiloAddress hint);
}

/// <summary>A grain with an entity's key and place, and nothing else.</summary>
[ByPartition]
internal sealed class ProbeGrain(ILocalSiloDetails silo, Hanging hanging) : Grain, IProbeGrain
{
    private readonly Guid _activation = Guid.NewGuid();

    public Task<(SiloAddress, Guid)> WhereAsync() => Task.FromResult((silo.SiloAddress, _activation));

    public async Task HangAsync()
    {
        hanging.Began();
        await hanging.End.Task;
    }

    public Task CallHangingAsync(string key) => GrainFactory.GetGrain<IProbeGrain>(key).HangAsync();

    public Task MigrateAsync(SiloAddress hint)
    {
        RequestContext.Set(Orleans.Runtime.Placement.IPlacementDirector.PlacementHintKey, hint);
        this.MigrateOnIdle();
        return Task.CompletedTask;
    }
}

public interface IFreeGrain : IGrainWithIntegerKey
{
    Task<SiloAddress> WhereAsync();
}

/// <summary>A grain that belongs to no partition, and so to whichever silo has room.</summary>
internal sealed class FreeGrain(ILocalSiloDetails silo) : Grain, IFreeGrain
{
    public Task<SiloAddress> WhereAsync() => Task.FromResult(silo.SiloAddress);
}

/// <summary>How many calls hang in a test's grains, and what ends them.</summary>
internal sealed class Hanging
{
    private int _calls;

    public int Calls => Volatile.Read(ref _calls);

    public TaskCompletionSource End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Began() => Interlocked.Increment(ref _calls);
}
