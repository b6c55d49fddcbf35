using System.Collections.Immutable;
using System.Text.RegularExpressions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// Turns a definition set into a catalog, or says everything that is wrong with it. Streams and entities first, then views (which say
/// which stream feeds which entity type and therefore what keys are made of), then the timelines they share, then on-demand features, then feature services.
/// </summary>
internal sealed partial class CatalogCompiler(DefinitionSet definitions)
{
    private readonly ImmutableArray<DefinitionProblem>.Builder _problems = ImmutableArray.CreateBuilder<DefinitionProblem>();

    public Catalog? Compile(out ImmutableArray<DefinitionProblem> problems)
    {
        CheckNames();
        ImmutableArray<StreamPlan> streams = CompileStreams();
        ImmutableArray<EntityPlan> entities = _problems.Count == 0 ? CompileEntities(streams) : [];
        ImmutableArray<OnDemandPlan> onDemand = _problems.Count == 0 ? new OnDemandCompiler(definitions, entities, Report).Compile() : [];
        var references = new FeatureReferences(entities, onDemand);
        ImmutableArray<Selection> services = _problems.Count == 0 ? CompileServices(references) : [];
        problems = _problems.ToImmutable();
        return problems.IsEmpty ? new Catalog(definitions, streams, entities, references, services) : null;
    }

    private void Report(string path, string message, string suggestion) => _problems.Add(new DefinitionProblem(path, message, suggestion));

    private void CheckNames()
    {
        CheckNames("streams", definitions.Streams.Select(stream => (stream.Name, stream.Version)));
        CheckNames("entities", definitions.Entities.Select(entity => (entity.Name, 1)));
        CheckNames("feature_views", definitions.FeatureViews.Select(view => (view.Name, view.Version)));
        CheckNames("feature_services", definitions.FeatureServices.Select(service => (service.Name, service.Version)));
        CheckNames("on_demand", definitions.OnDemand.Select(onDemand => (onDemand.Name, 1)));
        CheckFeatureNames();
        CheckNameIds("streams", definitions.Streams.Select(stream => stream.Name));
        CheckNameIds("entities", definitions.Entities.Select(entity => entity.Name));
    }

    private void CheckNames(string kind, IEnumerable<(string Name, int Version)> items)
    {
        var seen = new HashSet<(string, int)>();
        int index = 0;
        foreach ((string name, int version) in items)
        {
            string path = $"{kind}[{index++}]";
            CheckName($"{path}.name", name);
            if (version is < 1 or > ushort.MaxValue)
            {
                Report($"{path}.version", $"version {version} is not possible", $"use a whole number from 1 to {ushort.MaxValue}");
            }

            if (!seen.Add((name, version)))
            {
                Report($"{path}.name", $"'{name}' version {version} is defined twice", "delete one of the two, or give it another name or version");
            }
        }
    }

    private void CheckFeatureNames()
    {
        for (int view = 0; view < definitions.FeatureViews.Length; view++)
        {
            for (int feature = 0; feature < definitions.FeatureViews[view].Features.Length; feature++)
            {
                CheckName($"feature_views[{view}].features[{feature}].name", definitions.FeatureViews[view].Features[feature].Name);
            }
        }
    }

    /// <summary>Records carry names as 32-bit numbers, so two names of one number cannot both exist.</summary>
    private void CheckNameIds(string kind, IEnumerable<string> names)
    {
        foreach (var clash in names.Distinct().GroupBy(NameId.Of).Where(group => group.Count() > 1))
        {
            Report(kind, $"the names {string.Join(" and ", clash)} have the same 32-bit number", "rename one of them");
        }
    }

    private void CheckName(string path, string name)
    {
        if (!NamePattern().IsMatch(name))
        {
            Report(path, $"'{name}' is not a name", "use a letter, then letters, digits and underscores, at most 64");
        }
    }

    private ImmutableArray<StreamPlan> CompileStreams()
    {
        for (int index = 0; index < definitions.Streams.Length; index++)
        {
            CheckStream($"streams[{index}]", definitions.Streams[index]);
        }

        if (_problems.Count == 0)
        {
            CheckIdTypes();
        }

        return _problems.Count > 0
            ? []
            : [.. definitions.Streams.GroupBy(stream => stream.Name).Select(versions => new StreamPlan([.. versions]))];
    }

    /// <summary>Ids are compared across versions, to find duplicates and to order events of equal time: a number and a text never compare.</summary>
    private void CheckIdTypes()
    {
        for (int index = 0; index < definitions.Streams.Length; index++)
        {
            StreamDefinition stream = definitions.Streams[index];
            StreamDefinition first = definitions.Streams.Where(other => other.Name == stream.Name).MinBy(other => other.Version)!;
            if (IdTypeOf(stream) != IdTypeOf(first))
            {
                Report(
                    $"streams[{index}].event_id",
                    $"field '{stream.EventId}' is {IdTypeOf(stream).Name()}, the event id of version {first.Version} is {IdTypeOf(first).Name()}",
                    "keep the type of the id, or define another stream");
            }
        }
    }

    private static FieldType IdTypeOf(StreamDefinition stream) => stream.Fields.First(field => field.Name == stream.EventId).Type;

    private void CheckStream(string path, StreamDefinition stream)
    {
        if (stream.Fields.Length is 0 or > Limits.StreamFieldsMax)
        {
            Report($"{path}.fields", $"stream '{stream.Name}' has {stream.Fields.Length} fields", $"declare 1 to {Limits.StreamFieldsMax} fields");
        }

        foreach (FieldDefinition field in stream.Fields)
        {
            CheckName($"{path}.fields.{field.Name}", field.Name);
        }

        foreach (var twice in stream.Fields.GroupBy(field => field.Name).Where(group => group.Count() > 1))
        {
            Report($"{path}.fields.{twice.Key}", $"field '{twice.Key}' is declared twice", "delete one of the two");
        }

        CheckRole(path, "event_id", stream, stream.EventId, FieldType.Int64, FieldType.String);
        CheckRole(path, "event_time", stream, stream.EventTime, FieldType.Timestamp, FieldType.Timestamp);
    }

    private void CheckRole(string path, string role, StreamDefinition stream, string name, FieldType type, FieldType orType)
    {
        FieldDefinition? field = stream.Fields.FirstOrDefault(field => field.Name == name);
        if (field is null)
        {
            Report($"{path}.{role}", $"stream '{stream.Name}' has no field '{name}'", NameSuggestion.DidYouMean(name, stream.Fields.Select(candidate => candidate.Name)));
        }
        else if (field.Type != type && field.Type != orType)
        {
            string types = type == orType ? type.Name() : $"{type.Name()} or {orType.Name()}";
            Report($"{path}.{role}", $"field '{name}' is {field.Type.Name()}", $"declare it {types}, or name another field");
        }
    }

    private ImmutableArray<EntityPlan> CompileEntities(ImmutableArray<StreamPlan> streams)
    {
        ImmutableArray<ViewPlan> views = ResolveViews(streams);
        if (_problems.Count > 0)
        {
            return [];
        }

        var entities = ImmutableArray.CreateBuilder<EntityPlan>();
        for (int index = 0; index < definitions.Entities.Length; index++)
        {
            EntityDefinition definition = definitions.Entities[index];
            ImmutableArray<ViewPlan> own = [.. views.Where(view => view.Definition.Entity == definition.Name)];
            if (definition.History is { } history && (history.Micros < 0 || history.Micros > Limits.WindowReachMaxMicros))
            {
                Report($"entities[{index}].history", $"a history of {history} is not possible", $"at most {new Duration(Limits.WindowReachMaxMicros)}");
            }

            if (KeyOf($"entities[{index}]", definition, own) is { } key)
            {
                entities.Add(TimelineCompiler.Compile(new EntityPlan(definition.Name, key, definition.History ?? Catalog.RetentionSlack), own, Report));
            }
        }

        if (_problems.Count == 0)
        {
            ConnectFeeds(streams, entities);
            SayLateness(streams, views);
            CheckFeeds(streams);
        }

        return entities.ToImmutable();
    }

    private ImmutableArray<ViewPlan> ResolveViews(ImmutableArray<StreamPlan> streams)
    {
        var views = ImmutableArray.CreateBuilder<ViewPlan>();
        for (int index = 0; index < definitions.FeatureViews.Length; index++)
        {
            FeatureViewDefinition view = definitions.FeatureViews[index];
            string path = $"feature_views[{index}]";
            StreamPlan? stream = streams.FirstOrDefault(candidate => candidate.Name == view.Stream);
            if (stream is null)
            {
                Report($"{path}.stream", $"there is no stream '{view.Stream}'", NameSuggestion.DidYouMean(view.Stream, streams.Select(candidate => candidate.Name)));
            }

            if (definitions.Entities.All(entity => entity.Name != view.Entity))
            {
                Report($"{path}.entity", $"there is no entity '{view.Entity}'", NameSuggestion.DidYouMean(view.Entity, definitions.Entities.Select(entity => entity.Name)));
            }

            if (view.Ttl is { Micros: <= 0 or > Limits.WindowReachMaxMicros } ttl)
            {
                Report($"{path}.ttl", $"a ttl of {ttl} is not possible", $"write how old the newest event may be, for example 7d, at most {new Duration(Limits.WindowReachMaxMicros)}, or delete it");
            }

            bool isNewest = definitions.FeatureViews.All(other => other.Name != view.Name || other.Version <= view.Version);
            if (stream is not null)
            {
                views.Add(new ViewPlan(path, view, stream, isNewest));
            }
        }

        return views.ToImmutable();
    }

    /// <summary>A key's types are those of the fields of the streams that feed the entity type; the streams must agree.</summary>
    private ImmutableArray<FieldDefinition>? KeyOf(string path, EntityDefinition entity, ImmutableArray<ViewPlan> views)
    {
        if (entity.Key.Length > Limits.KeyFieldsMax || entity.Key.Distinct().Count() != entity.Key.Length)
        {
            Report($"{path}.key", $"entity '{entity.Name}' has a key of {entity.Key.Length} fields", $"name at most {Limits.KeyFieldsMax} fields, each once");
            return null;
        }

        var key = ImmutableArray.CreateBuilder<FieldDefinition>();
        foreach (string name in entity.Key)
        {
            var types = views.Select(view => (view.Stream, Type: view.Stream.Fields.FirstOrDefault(field => field.Name == name)?.Type)).ToList();
            if (types.Find(pair => pair.Type is null).Stream is { } without)
            {
                Report($"{path}.key", $"stream '{without.Name}', which feeds '{entity.Name}', has no field '{name}'", NameSuggestion.DidYouMean(name, without.Fields.Select(field => field.Name)));
                return null;
            }

            if (types.Any(pair => pair.Type is not (FieldType.Int64 or FieldType.String)) || types.Select(pair => pair.Type).Distinct().Count() > 1)
            {
                Report($"{path}.key", $"key field '{name}' is {string.Join(" and ", types.Select(pair => pair.Type!.Value.Name()).Distinct())}", "a key field is int64 or string, the same in every stream that feeds the entity");
                return null;
            }

            key.Add(new FieldDefinition(name, types.Count == 0 ? FieldType.String : types[0].Type!.Value));
        }

        return key.ToImmutable();
    }

    private static void ConnectFeeds(ImmutableArray<StreamPlan> streams, IEnumerable<EntityPlan> entities)
    {
        foreach (EntityPlan entity in entities)
        {
            foreach (TimelinePlan timeline in entity.Timelines)
            {
                StreamPlan stream = streams.First(candidate => candidate == timeline.Stream);
                stream.Feeds = stream.Feeds.Add(new StreamFeed(entity, [.. entity.Key.Select(field => stream.PositionOf(field.Name))]));
                stream.Retention = new Duration(Math.Max(stream.Retention.Micros, timeline.Retention.Micros));
                stream.NeverTooLate |= timeline.NeverTooLate;
            }
        }
    }

    private static void SayLateness(ImmutableArray<StreamPlan> streams, ImmutableArray<ViewPlan> views)
    {
        foreach (StreamPlan stream in streams)
        {
            ImmutableArray<ViewPlan> own = [.. views.Where(view => view.Stream == stream)];
            stream.Views = own.Length;
            stream.Lateness = [.. own
                .Where(view => view.Definition.AllowedLateness is not null)
                .Select(view => new ViewLateness(view.Label, view.Definition.AllowedLateness!.Value))
                .OrderBy(view => view.Allowed)
                .ThenBy(view => view.View, StringComparer.Ordinal)];
        }
    }

    private void CheckFeeds(ImmutableArray<StreamPlan> streams)
    {
        foreach (StreamPlan stream in streams.Where(stream => stream.Feeds.Length > Limits.EntitiesPerStreamMax))
        {
            Report("streams", $"stream '{stream.Name}' feeds {stream.Feeds.Length} entities; the limit is {Limits.EntitiesPerStreamMax}", "split the stream in two");
        }
    }

    private ImmutableArray<Selection> CompileServices(FeatureReferences references)
    {
        var services = ImmutableArray.CreateBuilder<Selection>();
        for (int index = 0; index < definitions.FeatureServices.Length; index++)
        {
            FeatureServiceDefinition service = definitions.FeatureServices[index];
            Selection? selection = references.Resolve($"{service.Name}@{service.Version}", service.Features, out string unknown, out string suggestion);
            if (selection is null)
            {
                suggestion = definitions.FeatureServices.Any(other => other.Name == unknown.Split('@')[0]) ? "a feature service cannot include another: list its features" : suggestion;
                Report($"feature_services[{index}].features[{service.Features.IndexOf(unknown)}]", $"there is no feature '{unknown}'", suggestion);
            }
            else
            {
                services.Add(selection);
            }
        }

        return services.ToImmutable();
    }

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9_]{0,63}$")]
    private static partial Regex NamePattern();
}

/// <summary>A view whose stream is resolved. The newest version of a view is the one that an unversioned reference means.</summary>
internal sealed record ViewPlan(string Path, FeatureViewDefinition Definition, StreamPlan Stream, bool IsNewest)
{
    /// <summary>"customer_spend", or "customer_spend@1" when there is a newer version.</summary>
    public string Label => IsNewest ? Definition.Name : $"{Definition.Name}@{Definition.Version}";

    public string Reference(string feature) => $"{Label}:{feature}";
}
