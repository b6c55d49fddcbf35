using System.Diagnostics;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>Reads from live state, the same for every transport. Any thread.</summary>
public sealed class FeatureReads(IEntityHost host, Predictions predictions, TimeProvider time)
{
    private readonly Selections _selections = new();
    private readonly Freshness _freshness = new(host, time);

    public IEntityHost Host => host;

    public Selection Resolve(Catalog catalog, FeatureSelection? what) => _selections.Resolve(catalog, what);

    /// <summary>Fails with the call's cancellation once <paramref name="deadline"/> (UTC; <see cref="DateTime.MaxValue"/>: none) has passed, unless the request is content with a part: then that much is there shortly before.</summary>
    /// <exception cref="RequestRefusedException">The request contradicts the contract or the definitions, or its token did not come true in time.</exception>
    public ValueTask<FeatureRead> GetAsync(GetFeaturesRequest request, DateTime deadline, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        return GatewayMeters.LookupAsync(GetCurrentAsync(catalog => Resolve(catalog, request.What), request, deadline, cancellationToken), began);
    }

    /// <summary>The same with a selection that is resolved otherwise, and without a deadline; <c>request.What</c> is not read.</summary>
    public ValueTask<FeatureRead> GetAsync(Func<Catalog, Selection> resolve, GetFeaturesRequest request, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        return GatewayMeters.LookupAsync(GetCurrentAsync(resolve, request, DateTime.MaxValue, cancellationToken), began);
    }

    /// <summary>Waits for a token of our own making, with all the patience there is; the caller's deadline is shorter.</summary>
    public ValueTask AwaitAsync(FeatureRead read, ConsistencyToken token, CancellationToken cancellationToken) =>
        _freshness.AwaitAsync(read, token, (uint)Limits.TokenWaitMax.TotalMilliseconds, cancellationToken);

    /// <summary>The present, as reads understand it.</summary>
    public EventTime Now() => EventTime.From(time.GetUtcNow());

    private async ValueTask<FeatureRead> GetCurrentAsync(Func<Catalog, Selection> resolve, GetFeaturesRequest request, DateTime deadline, CancellationToken cancellationToken)
    {
        try
        {
            return await GetOnceAsync(host.Catalog, resolve, request, deadline, cancellationToken).ConfigureAwait(false);
        }
        catch (DefinitionsChangedException)
        {
            // Once more with the new definitions. They change rarely, and slowly, so a third time is the client's to try.
            return await GetOnceAsync(host.Catalog, resolve, request, deadline, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<FeatureRead> GetOnceAsync(Catalog catalog, Func<Catalog, Selection> resolve, GetFeaturesRequest request, DateTime deadline, CancellationToken cancellationToken)
    {
        FeatureRead read = Prepare(resolve(catalog), request, deadline);
        using PartialRows? partial = read.Partial;
        await _freshness.AwaitAsync(read, request.MinToken, request.MaxWaitMs, cancellationToken).ConfigureAwait(false);
        if (request.AsOfStreamTime)
        {
            // After the wait, so that the events of the token count towards the time they are read at.
            read.AsOf.AsSpan().Fill(StreamTime.Of(read.Selection, host));
        }

        await host.ReadAsync(read, cancellationToken).ConfigureAwait(false);
        if (request.PredictionIds.Count > 0)
        {
            await predictions.KeepAsync(request, read, catalog, cancellationToken).ConfigureAwait(false);
        }

        return read;
    }

    /// <summary>The read that a request asks for, checked, with its keys and instants; stream time is not filled in.</summary>
    internal FeatureRead Prepare(Selection selection, GetFeaturesRequest request, DateTime deadline)
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

        if (request.PredictionIds.Count > 0)
        {
            Predictions.Check(request, rows);
        }

        var read = new FeatureRead(selection, rows) { Deadline = deadline, Partial = request.Partial ? new PartialRows(rows, TimeForRows(deadline), time) : null };
        keys.Encode(read.Keys, firstRow: 0);
        context.Fill(read.Context, rows, firstRow: 0);
        RowTimes.FillAsOf(read.AsOf, request.AsOfMicros, Now(), firstRow: 0);
        RowTimes.FillKnownAt(read.KnownAt, request.KnownAtMicros, firstRow: 0);
        return read;
    }

    /// <summary>Until a little before the deadline, so that the answer can still be written and sent.</summary>
    private TimeSpan TimeForRows(DateTime deadline)
    {
        if (deadline == DateTime.MaxValue)
        {
            return Timeout.InfiniteTimeSpan;
        }

        TimeSpan left = deadline - time.GetUtcNow().UtcDateTime;
        TimeSpan margin = left / Limits.PartialMarginShare;
        return left - (margin < Limits.PartialMarginMax ? margin : Limits.PartialMarginMax);
    }
}
