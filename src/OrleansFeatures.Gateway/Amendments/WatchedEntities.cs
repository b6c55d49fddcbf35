using System.Collections.Concurrent;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>
/// The entities that kept predictions rest on, each with the newest instant that one reads it at: what makes a record of no interest cost one look into a table. Entities of predictions that were let go stay until
/// the table is loaded again, which is due when it has doubled; they cost a query that finds nothing. One thread adds, any may ask.
/// </summary>
internal sealed class WatchedEntities
{
    private readonly ConcurrentDictionary<long, long> _newestAsOf = new();
    private int _outgrownAt;

    public bool IsEmpty => _newestAsOf.IsEmpty;

    /// <summary>Whether it may hold more that is gone than what is there.</summary>
    public bool IsOutgrown => _newestAsOf.Count > _outgrownAt;

    /// <summary>Of every prediction up to a number. Costs a walk over an index, a page at a time.</summary>
    public static WatchedEntities Load(PredictionTable table, long through)
    {
        var watched = new WatchedEntities();
        long behind = long.MinValue;
        for (List<(long Entity, long NewestAsOf)> page = table.Entities(behind, through, Limits.WatchedEntitiesPage); page.Count > 0; page = table.Entities(behind, through, Limits.WatchedEntitiesPage))
        {
            foreach ((long entity, long newestAsOf) in page)
            {
                watched.Add(entity, newestAsOf);
            }

            behind = page[^1].Entity;
        }

        watched._outgrownAt = Math.Max(2 * watched._newestAsOf.Count, Limits.WatchedEntitiesPage);
        return watched;
    }

    public void Add(long entity, long asOf) => _newestAsOf.AddOrUpdate(entity, asOf, (_, newest) => Math.Max(newest, asOf));

    /// <summary>As a filter of the log.</summary>
    public bool Wants(uint entityType, ReadOnlySpan<byte> key) => _newestAsOf.ContainsKey(Prediction.EntityOf(entityType, key));

    /// <summary>Whether some prediction reads the entity at an instant or later.</summary>
    public bool IsReadSince(long entity, long timeMicros) => _newestAsOf.TryGetValue(entity, out long newest) && newest >= timeMicros;
}
