using OrleansFeatures.Server.Commands;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>What the load is made of: a feature service to read, and a stream that feeds it. Learned from the server, so that any store can be loaded.</summary>
/// <param name="Service">The feature service.</param>
/// <param name="Keys">The key fields that it wants.</param>
/// <param name="Context">What its on-demand features want of the request itself.</param>
/// <param name="Stream">The stream that events are pushed into.</param>
/// <param name="Schema">Its fields.</param>
/// <param name="EntityFields">Fields of the stream that are an entity's key: drawn from as many values as there are entities.</param>
internal sealed record TrafficSchema(string Service, IReadOnlyList<KeyField> Keys, IReadOnlyList<Field> Context, string Stream, StreamSchema Schema, IReadOnlySet<string> EntityFields)
{
    /// <param name="connection">The store.</param>
    /// <param name="service">The feature service; null: the first of the store's.</param>
    /// <param name="stream">The stream; null: that of the service's first view.</param>
    /// <param name="cancellationToken">Ends the questions.</param>
    public static async Task<TrafficSchema> ResolveAsync(ServerConnection connection, string? service, string? stream, CancellationToken cancellationToken)
    {
        service ??= (await connection.DefinitionsAsync("feature_service", cancellationToken).ConfigureAwait(false)).Select(each => each.Name).FirstOrDefault()
            ?? throw CommandFailure.Refused($"{connection.Server}: it has no feature service to ask for; apply definitions first, for example definitions/fraud");
        KeySchema keys = await KeySchema.ResolveAsync(connection, service, cancellationToken).ConfigureAwait(false);
        stream ??= await StreamOfAsync(connection, service, cancellationToken).ConfigureAwait(false);
        Definition definition = await connection.DefinitionAsync("stream", stream, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<Definition> entities = await connection.DefinitionsAsync("entity", cancellationToken).ConfigureAwait(false);
        Definition asked = await connection.DefinitionAsync("feature_service", service, cancellationToken).ConfigureAwait(false);
        return new TrafficSchema(service, keys.Fields, asked.FeatureService.RequestFields, stream, definition.Stream, entities.SelectMany(entity => entity.Entity.Key).Select(field => field.Name).ToHashSet());
    }

    private static async Task<string> StreamOfAsync(ServerConnection connection, string service, CancellationToken cancellationToken)
    {
        Definition definition = await connection.DefinitionAsync("feature_service", service, cancellationToken).ConfigureAwait(false);
        string feature = definition.FeatureService.Features.FirstOrDefault(name => name.Contains(':', StringComparison.Ordinal))
            ?? throw CommandFailure.Usage($"feature service {service} reads no view, so no stream feeds it; name one with --stream");
        Definition view = await connection.DefinitionAsync("feature_view", feature[..feature.IndexOf(':', StringComparison.Ordinal)], cancellationToken).ConfigureAwait(false);
        return view.FeatureView.Stream;
    }
}
