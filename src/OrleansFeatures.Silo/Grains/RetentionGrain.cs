using Microsoft.Extensions.Logging;
using Orleans.CodeGeneration;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Silo.Grains;

/// <summary>Lets go of history and ids that nobody needs any more. There is one, with the key 0, wherever it may be.</summary>
[Version(Versions.InterfaceVersion)]
[Alias("OrleansFeatures.IRetentionGrain")]
internal interface IRetentionGrain : IGrainWithIntegerKey
{
    /// <summary>Sees to it that it is at work. Called by every silo now and then.</summary>
    [Alias("Ensure")]
    Task<RetentionTotals> EnsureAsync();

    /// <summary>Does what it does once a minute, now. What it came to.</summary>
    [Alias("Run")]
    Task<RetentionTotals> RunAsync();
}

/// <summary>What it has done since the store was made.</summary>
[GenerateSerializer, Alias("OrleansFeatures.RetentionTotals")]
public sealed record RetentionTotals
{
    /// <summary>When it last was through; the smallest before the first time.</summary>
    [Id(0)]
    public DateTimeOffset LastRun { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>Records that were dropped.</summary>
    [Id(1)]
    public long RecordsDropped { get; init; }

    /// <summary>Ids of events that were forgotten.</summary>
    [Id(2)]
    public long IdsForgotten { get; init; }
}

/// <summary>A grain that writes once a minute at most, and so keeps its state by Orleans's own storage: the provider named <see cref="Storage"/>.</summary>
internal sealed class RetentionGrain([PersistentState("retention", RetentionGrain.Storage)] IPersistentState<RetentionTotals> totals, ClusterStore store, ClusterHostOptions options, ILogger<RetentionGrain> logger) : Grain, IRetentionGrain
{
    /// <summary>The grain storage for what is written rarely.</summary>
    public const string Storage = "rare";

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(static (self, cancel) => self.LetGoAsync(cancel), this, new GrainTimerCreationOptions(Limits.RetentionEvery, Limits.RetentionEvery));
        return Task.CompletedTask;
    }

    public Task<RetentionTotals> EnsureAsync() => Task.FromResult(totals.State);

    public async Task<RetentionTotals> RunAsync()
    {
        await LetGoAsync(CancellationToken.None);
        return totals.State;
    }

    private async Task LetGoAsync(CancellationToken cancellationToken)
    {
        try
        {
            long dropped = await DropRecordsAsync(cancellationToken);
            long forgotten = await ForgetIdsAsync(cancellationToken);
            totals.State = totals.State with
            {
                LastRun = store.Time.GetUtcNow(),
                RecordsDropped = totals.State.RecordsDropped + dropped,
                IdsForgotten = totals.State.IdsForgotten + forgotten,
            };
            await totals.WriteStateAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is LogException or OrleansException)
        {
            logger.RetentionFailed(failure.Message);
        }
    }

    private async Task<long> DropRecordsAsync(CancellationToken cancellationToken)
    {
        if (options.RawHistory is not { } keep)
        {
            return 0;
        }

        var oldest = EventTime.From(store.Time.GetUtcNow() - keep);
        return await store.Log.DropRecordsBeforeAsync(await Task.Run(() => store.Log.FirstWrittenSince(oldest), cancellationToken), oldest, cancellationToken);
    }

    /// <summary>Beyond the dedupe horizon and beyond what a stream retains: an event so old changes no live value. Streams for which no event is ever too late forget none.</summary>
    private async Task<long> ForgetIdsAsync(CancellationToken cancellationToken)
    {
        long forgotten = 0;
        foreach (StreamPlan stream in store.Definitions.Current.Catalog.Streams.Where(stream => !stream.NeverTooLate))
        {
            if (store.Intake.Clocks.StreamTimeMicros(stream.Id) is { } now)
            {
                long horizon = Math.Max((long)options.DedupeHorizon.TotalMicroseconds, stream.Retention.Micros);
                forgotten += await store.Log.ForgetIdsThroughAsync(stream.Id, new EventTime(now - horizon), cancellationToken);
            }
        }

        return forgotten;
    }
}
