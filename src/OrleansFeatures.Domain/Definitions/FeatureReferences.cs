using System.Collections.Immutable;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// Everything that can be selected, and how it is called: "view:feature", "view:*" and "view@version:feature" for what entities answer, an on-demand feature by its
/// name alone.
/// </summary>
internal sealed class FeatureReferences(ImmutableArray<EntityPlan> entities, ImmutableArray<OnDemandPlan> onDemand)
{
    private readonly ImmutableArray<SelectedFeature> _all =
    [
        .. entities.SelectMany(entity => entity.Features.Select(feature => new SelectedFeature(entity, feature))),
        .. onDemand.Select(plan => new SelectedFeature(null, null, plan)),
    ];

    /// <summary>As answers call them.</summary>
    public IEnumerable<string> Names => _all.Select(known => known.Reference);

    public OnDemandPlan? OnDemand(string name) => onDemand.FirstOrDefault(plan => plan.Name == name);

    /// <summary>Null when a reference names nothing; it is then said which, and what may have been meant.</summary>
    public Selection? Resolve(string name, IReadOnlyList<string> references, out string unknown, out string suggestion)
    {
        (unknown, suggestion) = ("", "");
        var selected = new List<SelectedFeature>();
        foreach (string reference in references)
        {
            int before = selected.Count;
            selected.AddRange(_all.Where(known => Means(reference, known)));
            if (selected.Count == before)
            {
                unknown = reference;
                string? closest = NameSuggestion.Closest(reference, Names);
                suggestion = closest is null ? "write view:feature, view:*, or the name of an on-demand feature" : $"did you mean '{closest}'?";
                return null;
            }
        }

        return new Selection(name, [.. selected.Distinct()]);
    }

    private static bool Means(string reference, in SelectedFeature known) => reference == known.Reference || (known.Feature is { } feature && IsIn(reference, feature));

    private static bool IsIn(string reference, FeaturePlan feature)
    {
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
