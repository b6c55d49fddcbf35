using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>Reads from live state, the same for every transport. Any thread.</summary>
public sealed class FeatureReads(IEntityHost host, TimeProvider time)
{
    private readonly Selections _selections = new();
    private readonly Freshness _freshness = new(host, time);

    public IEntityHost Host => host;

    public Selection Resolve(Catalog catalog, FeatureSelection? what) => _selections.Resolve(catalog, what);

    /// <exception cref="RequestRefusedException">The request contradicts the contract or the definitions, or its token did not come true in time.</exception>
    public ValueTask<FeatureRead> GetAsync(GetFeaturesRequest request, CancellationToken cancellationToken) =>
        GetAsync(catalog => Resolve(catalog, request.What), request, cancellationToken);

    /// <summary>The same with a selection that is resolved otherwise; <c>request.What</c> is not read.</summary>
    public ValueTask<FeatureRead> GetAsync(Func<Catalog, Selection> resolve, GetFeaturesRequest request, CancellationToken cancellationToken) =>
        GatewayMeters.LookupAsync(GetCurrentAsync(resolve, request, cancellationToken));

    /// <summary>Waits for a token of our own making, with all the patience there is; the caller's deadline is shorter.</summary>
    public ValueTask AwaitAsync(FeatureRead read, ConsistencyToken token, CancellationToken cancellationToken) =>
        _freshness.AwaitAsync(read, token, (uint)Limits.TokenWaitMax.TotalMilliseconds, cancellationToken);

    /// <summary>The present, as reads understand it.</summary>
    public EventTime Now() => EventTime.From(time.GetUtcNow());

    private async ValueTask<FeatureRead> GetCurrentAsync(Func<Catalog, Selection> resolve, GetFeaturesRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await GetOnceAsync(resolve(host.Catalog), request, cancellationToken).ConfigureAwait(false);
        }
        catch (DefinitionsChangedException)
        {
            // Once more with the new definitions. They change rarely, and slowly, so a third time is the client's to try.
            return await GetOnceAsync(resolve(host.Catalog), request, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<FeatureRead> GetOnceAsync(Selection selection, GetFeaturesRequest request, CancellationToken cancellationToken)
    {
        FeatureRead read = Prepare(selection, request);
        await _freshness.AwaitAsync(read, request.MinToken, request.MaxWaitMs, cancellationToken).ConfigureAwait(false);
        if (request.AsOfStreamTime)
        {
            // After the wait, so that the events of the token count towards the time they are read at.
            read.AsOf.AsSpan().Fill(StreamTime.Of(selection, host));
        }

        await host.ReadAsync(read, cancellationToken).ConfigureAwait(false);
        return read;
    }

    /// <summary>The read that a request asks for, checked, with its keys and instants; stream time is not filled in.</summary>
    internal FeatureRead Prepare(Selection selection, GetFeaturesRequest request)
    {
        var keys = new RowKeys(selection, request.Keys);
        var context = RequestContext.Of(selection, request.Context);
        int rows = keys.Rows ?? Math.Max(context.Rows ?? 1, Math.Max(request.AsOfMicros.Count, request.KnownAtMicros.Count));
        if (rows > Limits.RowsPerReadMax)
        {
            throw Refuse.Argument("keys", $"{rows} rows in one request", $"ask for at most {Limits.RowsPerReadMax} at once, or use GetTrainingFeatures");
        }

        if (request.AsOfStreamTime && request.AsOfMicros.Count > 0)
        {
            throw Refuse.Argument("as_of_stream_time", "as_of_micros is given too", "use one of the two");
        }

        var read = new FeatureRead(selection, rows);
        keys.Encode(read.Keys, firstRow: 0);
        context.Fill(read.Context, rows, firstRow: 0);
        RowTimes.FillAsOf(read.AsOf, request.AsOfMicros, Now(), firstRow: 0);
        RowTimes.FillKnownAt(read.KnownAt, request.KnownAtMicros, firstRow: 0);
        return read;
    }
}
