using System.Collections.Immutable;
using OrleansFeatures.Gateway.Registry;

namespace OrleansFeatures.Server.Hosting;

/// <summary>What making a feature repository live would do, at the start of a server: without leave to break anybody.</summary>
internal static class RepositoryPlan
{
    /// <exception cref="ServerStartException">The definitions are wrong, or would break users of the live ones.</exception>
    public static DefinitionPlan Of(DefinitionRegistry registry, string directory)
    {
        ImmutableArray<DefinitionSource> sources = DefinitionFolder.Read(directory, out ImmutableArray<SourceError> errors);
        DefinitionPlan plan = registry.Plan(sources);
        if (!errors.IsEmpty || !plan.Errors.IsEmpty)
        {
            throw new ServerStartException($"The definitions in {directory} are wrong.{Lines(errors.Concat(plan.Errors))}");
        }

        return plan.Verdict != PlanVerdict.Breaking
            ? plan
            : throw new ServerStartException(
                $"The definitions in {directory} would break users of the live ones. Start without them, or apply them with leave to break."
                + Lines(plan.Changes.Where(change => change.Verdict == PlanVerdict.Breaking).Select(change => $"{change.What}: {change.Detail}; {change.Fix}")));
    }

    private static string Lines<T>(IEnumerable<T> lines) => string.Concat(lines.Select(line => $"{Environment.NewLine}  {line}"));
}
