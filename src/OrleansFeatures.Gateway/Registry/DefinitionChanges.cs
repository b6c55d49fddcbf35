using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>Makes plans live: first the host catches up with history, then the registry commits, then the host switches. One change at a time.</summary>
public sealed class DefinitionChanges(DefinitionRegistry registry, IEntityHost host) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>
    /// Returns the records of history that were read. A plan that changes nothing costs nothing. Whether a breaking plan is wanted is the caller's to decide.
    /// </summary>
    /// <exception cref="RequestRefusedException">Other definitions have become live since the plan was made.</exception>
    public async Task<long> ApplyAsync(DefinitionPlan plan, string appliedBy, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            RequireBase(plan.BaseHash);
            if (plan.Verdict == PlanVerdict.Identical && plan.Hash == plan.BaseHash)
            {
                return 0;
            }

            Catalog next = plan.Reading.Catalog ?? throw new ArgumentException("a plan with errors cannot be applied", nameof(plan));
            return await host.ChangeCatalogAsync(next, () => Commit(plan, appliedBy), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <exception cref="RequestRefusedException">The live definitions are not those.</exception>
    public void RequireBase(string baseHash)
    {
        if (baseHash != registry.Live.Hash)
        {
            throw Refuse.State("base_hash", "the live definitions have changed since the plan was made", "plan again, look at it, and apply that");
        }
    }

    public void Dispose() => _one.Dispose();

    private void Commit(DefinitionPlan plan, string appliedBy)
    {
        if (!registry.TryCommit(plan, appliedBy))
        {
            RequireBase(plan.BaseHash);
        }
    }
}
