namespace OrleansFeatures.Domain.Definitions;

/// <summary>Resolves "view:feature", "view:*" and "view@version:feature" against the entity types' features.</summary>
internal static class FeatureReferences
{
    public static Selection? Resolve(
        string name, IReadOnlyList<string> references, IReadOnlyList<EntityPlan> entities, out string unknown, out string suggestion)
    {
        (unknown, suggestion) = ("", "");
        var features = new List<(EntityPlan, FeaturePlan)>();
        foreach (string reference in references)
        {
            int before = features.Count;
            features.AddRange(entities.SelectMany(entity => entity.Features.Where(feature => Names(reference, feature)).Select(feature => (entity, feature))));
            if (features.Count == before)
            {
                unknown = reference;
                string? closest = NameSuggestion.Closest(reference, entities.SelectMany(entity => entity.Features).Select(feature => feature.Reference));
                suggestion = closest is null ? "write view:feature or view:*, with names of the feature views" : $"did you mean '{closest}'?";
                return null;
            }
        }

        return new Selection(name, [.. features.Distinct()]);
    }

    private static bool Names(string reference, FeaturePlan feature)
    {
        if (reference == feature.Reference)
        {
            return true;
        }

        int colon = reference.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return false;
        }

        string view = reference[..colon];
        bool isView = feature.Reference.StartsWith(view + ":", StringComparison.Ordinal) || view == $"{feature.View}@{feature.ViewVersion}";
        return isView && (reference[(colon + 1)..] is "*" || reference[(colon + 1)..] == feature.Name);
    }
}
