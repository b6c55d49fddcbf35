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
    /// <exception cref="RequestRefusedException">Other definitions have become live since the plan was made, or history could not be read by these.</exception>
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
            RequireReadableHistory(next);
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
            throw Moved();
        }
    }

    public void Dispose() => _one.Dispose();

    /// <summary>
    /// A record says by which version of its stream's schema it was written, and nothing else about its fields. So a version must neither change nor go
    /// while history holds events of the stream; the stream as a whole may go, its events are then passed over.
    /// </summary>
    private void RequireReadableHistory(Catalog next)
    {
        Dictionary<string, long> held = host.Status().Streams.ToDictionary(stream => stream.Stream, stream => stream.Accepted);
        foreach (StreamPlan stream in host.Catalog.Streams.Where(stream => held[stream.Name] > 0 && next.Stream(stream.Name) is not null))
        {
            foreach (StreamDefinition before in stream.Versions.Select(version => version.Definition))
            {
                StreamDefinition? after = next.Stream(stream.Name)!.Versions.Select(version => version.Definition).FirstOrDefault(version => version.Version == before.Version);
                if (after is null || (after.EventId, after.EventTime) != (before.EventId, before.EventTime) || !after.Fields.SequenceEqual(before.Fields))
                {
                    throw Refuse.State(
                        "files",
                        $"history holds {held[stream.Name]} events of stream '{stream.Name}', and version {before.Version} says how to read them",
                        $"leave version {before.Version} as it is and define the next version beside it");
                }
            }

            RequireSameKeys(stream, held[stream.Name], next);
        }
    }

    /// <summary>An entity's copy of an event is filed under the key that the entity had when the event came.</summary>
    private static void RequireSameKeys(StreamPlan stream, long held, Catalog next)
    {
        foreach (EntityPlan before in stream.Feeds.Select(feed => feed.Entity))
        {
            if (next.Entity(before.Name) is { Timelines.IsEmpty: false } after && !after.Key.SequenceEqual(before.Key))
            {
                throw Refuse.State(
                    "files",
                    $"history holds {held} events of stream '{stream.Name}', filed under today's key of entity '{before.Name}'",
                    "leave the entity as it is and define another with the new key beside it");
            }
        }
    }

    private void Commit(DefinitionPlan plan, string appliedBy)
    {
        if (!registry.TryCommit(plan, appliedBy))
        {
            // Also when another process was first, and this one does not know what is live there yet.
            throw Moved();
        }
    }

    private static RequestRefusedException Moved() => Refuse.State("base_hash", "the live definitions have changed since the plan was made", "plan again, look at it, and apply that");
}
