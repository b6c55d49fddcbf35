using System.Collections.Immutable;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>Whether whoever reads or pushes by today's definitions would notice. Ordered: the worst of several is the greatest.</summary>
public enum PlanVerdict
{
    Identical = 0,
    Compatible = 1,
    Breaking = 2,
}

public enum ChangeKind
{
    Added = 0,
    Changed = 1,
    Removed = 2,
}

/// <summary>One difference between two sets of definitions.</summary>
/// <param name="Kind">What happens to it.</param>
/// <param name="What">"feature view customer_spend@1".</param>
/// <param name="Detail">"feature nb_tx_1d: window 1d -> 2d"; for something added or removed as a whole, what it is.</param>
/// <param name="Verdict">Of this change alone; never <see cref="PlanVerdict.Identical"/>.</param>
/// <param name="Fix">For a breaking change, what would make it compatible; else empty.</param>
public sealed record DefinitionChange(ChangeKind Kind, string What, string Detail, PlanVerdict Verdict, string Fix);

/// <summary>What applying a set of files would do to the live definitions. With errors there are no changes, and it cannot be committed.</summary>
/// <param name="Reading">The files.</param>
/// <param name="BaseHash">Of the definitions that were live when the plan was made.</param>
/// <param name="Hash">Of the planned ones; empty with errors.</param>
/// <param name="Changes">In a stable order, whatever the order of the files.</param>
public sealed record DefinitionPlan(DefinitionReading Reading, string BaseHash, string Hash, ImmutableArray<DefinitionChange> Changes)
{
    public ImmutableArray<SourceError> Errors => Reading.Errors;

    /// <summary>The worst of the changes.</summary>
    public PlanVerdict Verdict => Changes.IsEmpty ? PlanVerdict.Identical : Changes.Max(change => change.Verdict);
}
