using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// A batch of a partition, sorted by entity: each entity's records lie together, in offset order, in one new array, of which it gets its piece. What is known of an entity (its name, its grain) is kept from batch to batch. One
/// batch at a time.
/// <code>
///   batch    a1 b1 a2 c1 b2          two passes: who has how many bytes, then each record to its entity's place
///   shares   [ a1 a2 | b1 b2 | c1 ]
/// </code>
/// </summary>
internal sealed class BatchByEntity(Catalog catalog, IGrainFactory grains, ILogger logger)
{
    private readonly Dictionary<EntityName, EntityRef> _known = new(EntityNames.Comparer);
    private readonly List<EntityShare> _shares = [];
    private readonly List<EntityRef> _refs = [];
    private readonly List<EntityRef?> _order = [];

    /// <summary>The newest record that was looked at.</summary>
    public LogOffset Last { get; private set; } = LogOffset.None;

    /// <summary>Records behind <paramref name="after"/>, by entity. Those of entity types that the definitions do not have concern nobody. Valid until the next call.</summary>
    public IReadOnlyList<EntityShare> Take(LogRecords records, LogOffset after)
    {
        _shares.Clear();
        _refs.Clear();
        _order.Clear();
        if (_known.Count > Limits.EntityRefsMax)
        {
            _known.Clear();
        }

        int bytes = Measure(records, after);
        Copy(records, new byte[bytes]);
        return _shares;
    }

    private int Measure(LogRecords records, LogOffset after)
    {
        int bytes = 0;
        foreach (LogRecord record in records)
        {
            EntityRef? entity = record.Offset.Value > after.Value ? RefOf(record) : null;
            _order.Add(entity);
            if (record.Offset.Value > after.Value)
            {
                Last = record.Offset;
            }

            if (entity is null)
            {
                continue;
            }

            if (entity.Bytes == 0)
            {
                _refs.Add(entity);
            }

            entity.Bytes += record.Frame.Length;
            entity.Last = record.Offset.Value;
            bytes += record.Frame.Length;
        }

        return bytes;
    }

    private void Copy(LogRecords records, byte[] frames)
    {
        int at = 0;
        foreach (EntityRef entity in _refs)
        {
            _shares.Add(new EntityShare(entity.Name, entity.Grain, frames.AsMemory(at, entity.Bytes), entity.Last));
            (entity.At, at, entity.Bytes) = (at, at + entity.Bytes, 0);
        }

        int index = 0;
        foreach (LogRecord record in records)
        {
            if (_order[index++] is { } entity)
            {
                record.Frame.CopyTo(frames.AsSpan(entity.At));
                entity.At += record.Frame.Length;
            }
        }
    }

    private EntityRef? RefOf(LogRecord record)
    {
        ReadOnlySpan<byte> key;
        uint type;
        try
        {
            key = EventRecord.EntityOf(record.Payload, out type);
        }
        catch (InvariantException bug)
        {
            // A record that does not even say whom it concerns: it is told of, and concerns nobody.
            PoisonedRecord.Tell(logger, record, bug);
            return null;
        }

        if (_known.GetAlternateLookup<EntitySpan>().TryGetValue(new EntitySpan(type, key), out EntityRef? known))
        {
            return known;
        }

        if (catalog.Entity(type) is not { } plan)
        {
            return null;
        }

        var name = new EntityName(type, key.ToArray());
        var made = new EntityRef(name, grains.EntityOf(plan, name));
        CollectionsMarshal.GetValueRefOrAddDefault(_known, name, out _) = made;
        return made;
    }

    private sealed class EntityRef(EntityName name, IEntityGrain grain)
    {
        public EntityName Name => name;

        public IEntityGrain Grain => grain;

        public int Bytes { get; set; }

        public int At { get; set; }

        public long Last { get; set; }
    }
}

/// <summary>What one entity gets of a batch.</summary>
/// <param name="Name">Who.</param>
/// <param name="Grain">Its grain.</param>
/// <param name="Frames">Its records.</param>
/// <param name="Last">The offset of the last of them.</param>
internal readonly record struct EntityShare(EntityName Name, IEntityGrain Grain, ReadOnlyMemory<byte> Frames, long Last);

/// <summary>How entities are called.</summary>
internal static class EntityGrains
{
    public static IEntityGrain EntityOf(this IGrainFactory grains, EntityPlan plan, EntityName name) => grains.GetGrain<IEntityGrain>(new EntityAddress(plan.Name, name.Key).ToGrainKey());
}
