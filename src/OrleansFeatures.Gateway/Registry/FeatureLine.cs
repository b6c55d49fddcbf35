using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>One feature by itself: as a line that people read, and as a hash of everything that its values depend on.</summary>
public static class FeatureLine
{
    /// <summary>As in <c>mean(amount) over 7d of transactions for customer (customer_id), delayed 7d, where amount &gt; 0, default 0</c>.</summary>
    public static string Of(DefinitionSet definitions, FeaturePlan plan)
    {
        (FeatureViewDefinition view, FeatureDefinition feature) = Find(definitions, plan);
        EntityDefinition entity = definitions.Entities.First(known => known.Name == view.Entity);
        var line = new StringBuilder($"{DefinitionText.Aggregate(feature.Aggregate)} over {feature.Window} of {view.Stream} for {entity.Name}");
        line.Append(entity.Key.IsEmpty ? "" : $" ({string.Join(", ", entity.Key)})");
        line.Append(feature.By is { } by ? $", by {by}" : "");
        line.Append(feature.Delay == Duration.Zero ? "" : $", delayed {feature.Delay}");
        string[] conditions = [.. new[] { view.Where, feature.Where }.OfType<string>().Select(condition => condition.Trim())];
        line.Append(conditions.Length == 0 ? "" : $", where {string.Join(" and ", conditions.Length == 1 ? conditions : conditions.Select(condition => $"({condition})"))}");
        line.Append(view.AllowedLateness is { } lateness ? $", no later than {lateness}" : "");
        line.Append(view.Ttl is { } ttl ? $", for {ttl} after the last event" : "");
        line.Append(feature.Default.IsNull ? "" : $", default {DefinitionText.Default(feature.Default)}");
        return line.ToString();
    }

    /// <summary>SHA-256 in lower-case hex over the stream, the entity and the feature in its view: other features may come and go.</summary>
    public static string Hash(DefinitionSet definitions, FeaturePlan plan)
    {
        (FeatureViewDefinition view, FeatureDefinition feature) = Find(definitions, plan);
        return DefinitionHash.Of(DefinitionSet.Empty with
        {
            Streams = [.. definitions.Streams.Where(stream => stream.Name == view.Stream)],
            Entities = [.. definitions.Entities.Where(entity => entity.Name == view.Entity)],
            FeatureViews = [view with { Features = [feature] }],
        });
    }

    /// <summary>As in <c>request.amount / customer_spend.avg_amount_7d, on demand</c>.</summary>
    public static string Of(DefinitionSet definitions, OnDemandPlan plan) => $"{Find(definitions, plan).Expression.Trim()}, on demand";

    /// <summary>The same for an on-demand feature: its own definition, and those of the features that it computes with.</summary>
    public static string Hash(DefinitionSet definitions, OnDemandPlan plan)
    {
        FeaturePlan[] inputs = [.. plan.Inputs.Select(input => input.Feature)];
        FeatureViewDefinition[] views = [.. inputs.Select(input => Find(definitions, input).View).Distinct()];
        return DefinitionHash.Of(DefinitionSet.Empty with
        {
            Streams = [.. definitions.Streams.Where(stream => views.Any(view => view.Stream == stream.Name))],
            Entities = [.. definitions.Entities.Where(entity => views.Any(view => view.Entity == entity.Name))],
            FeatureViews = [.. views.Select(view => view with { Features = [.. view.Features.Where(feature => inputs.Any(input => (input.View, input.ViewVersion, input.Name) == (view.Name, view.Version, feature.Name)))] })],
            OnDemand = [Find(definitions, plan)],
        });
    }

    private static OnDemandDefinition Find(DefinitionSet definitions, OnDemandPlan plan) => definitions.OnDemand.First(onDemand => onDemand.Name == plan.Name);

    private static (FeatureViewDefinition View, FeatureDefinition Feature) Find(DefinitionSet definitions, FeaturePlan plan)
    {
        FeatureViewDefinition view = definitions.FeatureViews.First(view => view.Name == plan.View && view.Version == plan.ViewVersion);
        return (view, view.Features.First(feature => feature.Name == plan.Name));
    }
}
