using FeastServing = global::Feast.Serving;

namespace OrleansFeatures.Gateway.Admission;

/// <summary>What is shed apart from each other.</summary>
public enum CallClass
{
    /// <summary>Never refused: health, administration, the registry. There are few, and whoever looks after an overloaded server needs them. So with what has bounds of its own: training queries, explanations, subscriptions.</summary>
    Control = 0,

    /// <summary>Somebody waits for features.</summary>
    Lookup = 1,

    /// <summary>Events come in.</summary>
    Ingest = 2,
}

/// <summary>Which call is of which class, by its route. What is not named here is control.</summary>
internal static class CallClasses
{
    private static readonly Dictionary<string, CallClass> ByRoute = new(StringComparer.Ordinal)
    {
        [$"/{V1.FeatureService.Descriptor.FullName}/{nameof(V1.FeatureService.FeatureServiceBase.GetFeatures)}"] = CallClass.Lookup,
        [$"/{V1.FeatureService.Descriptor.FullName}/{nameof(V1.FeatureService.FeatureServiceBase.ObserveAndGet)}"] = CallClass.Lookup,
        [$"/{FeastServing.ServingService.Descriptor.FullName}/GetOnlineFeatures"] = CallClass.Lookup,
        [$"/{FeastServing.GrpcFeatureServer.Descriptor.FullName}/GetOnlineFeatures"] = CallClass.Lookup,
        [$"/{FeastServing.GrpcFeatureServer.Descriptor.FullName}/Push"] = CallClass.Ingest,
        [$"/{V1.IngestService.Descriptor.FullName}/{nameof(V1.IngestService.IngestServiceBase.Push)}"] = CallClass.Ingest,
        [$"/{V1.IngestService.Descriptor.FullName}/{nameof(V1.IngestService.IngestServiceBase.PushStream)}"] = CallClass.Ingest,
        ["/features/v1/{entity}"] = CallClass.Lookup,
        ["/features/v1/{entity}/{key}"] = CallClass.Lookup,
        ["/features/v1/{service}:get"] = CallClass.Lookup,
        ["/features/v1/{service}:observe"] = CallClass.Lookup,
        ["/features/v1:get"] = CallClass.Lookup,
        ["/features/v1:observe"] = CallClass.Lookup,
        ["/get-online-features"] = CallClass.Lookup,
        ["/events/v1/{stream}"] = CallClass.Ingest,
        ["/push"] = CallClass.Ingest,
    };

    public static CallClass Of(string? route) => route is not null && ByRoute.TryGetValue(route, out CallClass known) ? known : CallClass.Control;
}
