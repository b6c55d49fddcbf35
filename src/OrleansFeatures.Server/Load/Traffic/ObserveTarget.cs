using OrleansFeatures.Server.Commands;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Appends one event and takes the vector after it, in one call. An event that was not accepted is a failure.</summary>
internal sealed class ObserveTarget(IStoreCalls store, TrafficSchema traffic, LookupDraw lookups, EventDraw draw, int entities) : ILoadTarget
{
    /// <summary>Keys that events do not carry: the same entity for all.</summary>
    private readonly KeyColumn[] _otherKeys =
    [
        .. traffic.Keys.Where(key => traffic.Schema.Fields.All(field => field.Name != key.Name))
            .Select(key => EventDraw.Keys(key.Name, key.Type, 1, entities, new Demo.SeededRandom(0))),
    ];

    public async Task<LoadOutcome> SendAsync(CancellationToken abandoned)
    {
        // Making an event is no work for the pacing thread.
        await Task.Yield();
        var request = new ObserveAndGetRequest
        {
            Stream = traffic.Stream,
            Event = draw.Row(EventDraw.NowMicros()),
            What = new FeatureSelection { FeatureService = traffic.Service },
            Keys = { _otherKeys },
            Context = { lookups.Context(1, new Demo.SeededRandom(0)) },
            Compact = true,
        };
        return await store.ObserveAsync(request, abandoned).ConfigureAwait(false);
    }
}
