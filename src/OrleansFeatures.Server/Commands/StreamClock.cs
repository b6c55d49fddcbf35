using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary>What <c>stream</c> means as an as-of: the time of the streams that a feature service reads, the slowest of them.</summary>
internal static class StreamClock
{
    /// <summary>The time in microseconds, or null while one of the streams has no event yet.</summary>
    public static async Task<long?> ReadAsync(ServerConnection connection, string service, CancellationToken cancellationToken)
    {
        Definition definition = await connection.DefinitionAsync("feature_service", service, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<Definition> onDemand = await connection.DefinitionsAsync("on_demand", cancellationToken).ConfigureAwait(false);
        IEnumerable<string> inputs = onDemand.Where(one => definition.FeatureService.Features.Contains(one.Name)).SelectMany(one => one.OnDemand.Inputs);
        HashSet<string> views = definition.FeatureService.Features.Concat(inputs).Select(ViewOf).ToHashSet();
        IReadOnlyList<Definition> known = await connection.DefinitionsAsync("feature_view", cancellationToken).ConfigureAwait(false);
        HashSet<string> streams = known.Where(view => views.Contains(view.Name)).Select(view => view.FeatureView.Stream).ToHashSet();
        GetStatusResponse status = await connection.CallAsync(
            options => connection.Admin.GetStatusAsync(new GetStatusRequest(), options), cancellationToken).ConfigureAwait(false);
        long[] times = streams.Select(stream => status.Streams.FirstOrDefault(known => known.Stream == stream)?.StreamTimeMicros ?? 0).ToArray();
        return times.Length == 0 || times.Contains(0) ? null : times.Min();
    }

    /// <summary>"customer_spend@2:nb_tx_1d" is a feature of customer_spend.</summary>
    private static string ViewOf(string feature) => feature.Split(':')[0].Split('@')[0];
}
