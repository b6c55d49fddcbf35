using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.V1;
using FeatureServiceDefinition = OrleansFeatures.Domain.Definitions.FeatureServiceDefinition;
using FieldType = OrleansFeatures.V1.FieldType;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>The live definitions as the wire says them: as written, and as resolved.</summary>
internal sealed class DefinitionListing(LiveDefinitions live)
{
    private static readonly string[] Kinds = ["stream", "entity", "feature_view", "on_demand", "feature_service"];

    /// <summary>One definition: "name" (the newest version) or "name@version".</summary>
    /// <exception cref="RequestRefusedException">There is no such kind, or no such definition.</exception>
    public Definition Get(string kind, string reference)
    {
        List<Definition> all = [.. List(kind.Length == 0 ? throw UnknownKind(kind) : kind)];
        return all.Where(definition => reference == definition.Name || reference == $"{definition.Name}@{definition.Version}").MaxBy(definition => definition.Version)
            ?? throw Refuse.Unknown("name", $"there is no {kind.Replace('_', ' ')} '{reference}'", NameSuggestion.DidYouMean(reference, all.Select(definition => definition.Name)));
    }

    /// <summary>Empty means every kind.</summary>
    public IEnumerable<Definition> List(string kind) => kind switch
    {
        "" => Kinds.SelectMany(List),
        "stream" => live.Definitions.Streams.Select(Of),
        "entity" => live.Definitions.Entities.Select(Of),
        "feature_view" => live.Definitions.FeatureViews.Select(Of),
        "on_demand" => live.Definitions.OnDemand.Select(Of),
        "feature_service" => live.Definitions.FeatureServices.Select(Of),
        _ => throw UnknownKind(kind),
    };

    private static RequestRefusedException UnknownKind(string kind) =>
        Refuse.Argument("kind", $"there is no kind '{kind}'", NameSuggestion.DidYouMean(kind, Kinds));

    private static Definition Of(StreamDefinition stream)
    {
        var schema = new StreamSchema { EventId = stream.EventId, EventTime = stream.EventTime };
        schema.Fields.AddRange(stream.Fields.Select(Of));
        return new Definition { Kind = "stream", Name = stream.Name, Version = (uint)stream.Version, Yaml = DefinitionText.Of(stream), Stream = schema };
    }

    private Definition Of(EntityDefinition entity)
    {
        var resolved = new Entity();
        resolved.Key.AddRange(live.Catalog.Entity(entity.Name)!.Key.Select(Of));
        return new Definition { Kind = "entity", Name = entity.Name, Version = 1, Yaml = DefinitionText.Of(entity), Entity = resolved };
    }

    private Definition Of(FeatureViewDefinition view)
    {
        var resolved = new FeatureView { Entity = view.Entity, Stream = view.Stream, Where = view.Where ?? "" };
        if (view.AllowedLateness is { } lateness)
        {
            resolved.AllowedLatenessMicros = lateness.Micros;
        }

        if (view.Ttl is { } ttl)
        {
            resolved.TtlMicros = ttl.Micros;
        }

        EntityPlan entity = live.Catalog.Entity(view.Entity)!;
        foreach (FeaturePlan plan in entity.Features.Where(feature => feature.View == view.Name && feature.ViewVersion == view.Version))
        {
            resolved.Features.Add(Of(entity, view.Features.First(feature => feature.Name == plan.Name), plan));
        }

        return new Definition { Kind = "feature_view", Name = view.Name, Version = (uint)view.Version, Yaml = DefinitionText.Of(view), FeatureView = resolved };
    }

    private static Feature Of(EntityPlan entity, FeatureDefinition definition, FeaturePlan plan)
    {
        WindowDefinition window = definition.Window;
        return new Feature
        {
            Name = definition.Name,
            Aggregate = definition.Aggregate,
            WindowMicros = window.Width.Micros,
            DelayMicros = definition.Delay.Micros,
            Type = (FieldType)plan.Type,
            List = plan.Shape == FeatureShape.List,
            Shape = (Feature.Types.Shape)plan.Shape,
            Window = window.ToString(),
            WindowKind = (Feature.Types.WindowKind)window.Kind,
            TimeZone = window.Kind == WindowKind.Tumbling ? window.TimeZone : "",
            GapMicros = window.Gap.Micros,
            WindowEvents = (uint)window.Events,
            By = definition.By ?? "",
            KeyType = KeyTypeOf(entity.Timelines[plan.Window.Timeline], plan),
            ExactForMicros = plan.Accuracy.ExactFor.Micros,
            HopMicros = plan.Accuracy.Hop.Micros,
            Where = definition.Where ?? "",
        };
    }

    /// <summary>Of a map by category the category's type; of a map that the aggregate itself makes, the type of the field that it counts.</summary>
    private static FieldType KeyTypeOf(TimelinePlan timeline, FeaturePlan plan) => plan.Shape == FeatureShape.Map
        ? (FieldType)timeline.Columns[plan.By >= 0 ? plan.By : plan.Column].Type
        : FieldType.Unspecified;

    private Definition Of(OnDemandDefinition onDemand)
    {
        OnDemandPlan plan = live.Catalog.OnDemand(onDemand.Name)!;
        var resolved = new OnDemandFeature { Type = (FieldType)plan.Type, Expression = onDemand.Expression };
        resolved.Request.AddRange(plan.Request.Select(Of));
        resolved.Inputs.AddRange(plan.Inputs.Select(input => input.Feature.Reference));
        return new Definition { Kind = "on_demand", Name = onDemand.Name, Version = 1, Yaml = DefinitionText.Of(onDemand), OnDemand = resolved };
    }

    private Definition Of(FeatureServiceDefinition service)
    {
        var resolved = new V1.FeatureServiceDefinition();
        Domain.Definitions.Selection selection = live.Catalog.Service($"{service.Name}@{service.Version}")!;
        resolved.Features.AddRange(selection.Columns.Select(column => column.Name));
        resolved.KeyFields.AddRange(selection.KeyFields.Select(field => field.Name));
        resolved.RequestFields.AddRange(selection.RequestFields.Select(Of));
        return new Definition { Kind = "feature_service", Name = service.Name, Version = (uint)service.Version, Yaml = DefinitionText.Of(service), FeatureService = resolved };
    }

    private static Field Of(FieldDefinition field) => new() { Name = field.Name, Type = (FieldType)field.Type };
}
