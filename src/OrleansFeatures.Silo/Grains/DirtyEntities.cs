using System.Runtime.InteropServices;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// Which entities have had records since the last durable checkpoint, and the offset of the last one of each. While a checkpoint is being written there are two lists: what it holds, and what has
/// changed since it began; one that fails gives its list back.
/// <code>
///   Mark ──> changed ──Take──> saving ──Saved──> forgotten
///               ▲                 └──Restore──┐
///               └─────────────────────────────┘
/// </code>
/// Inside the partition's gate.
/// </summary>
internal sealed class DirtyEntities
{
    private Dictionary<EntityName, long> _changed = new(EntityNames.Comparer);
    private Dictionary<EntityName, long> _saving = new(EntityNames.Comparer);

    /// <summary>Entities that a checkpoint taken now would hold.</summary>
    public int Count => _changed.Count;

    /// <summary>The offset of an entity's last record, if that may not be in its row yet; -1 where it is.</summary>
    public long LastOffsetOf(EntitySpan entity) =>
        _changed.GetAlternateLookup<EntitySpan>().TryGetValue(entity, out long offset) || _saving.GetAlternateLookup<EntitySpan>().TryGetValue(entity, out offset) ? offset : -1;

    /// <summary>A record of the entity has been applied.</summary>
    public void Mark(EntityName entity, long offset) => CollectionsMarshal.GetValueRefOrAddDefault(_changed, entity, out _) = offset;

    /// <summary>A checkpoint begins: everything that has changed is its to save. One at a time.</summary>
    public IReadOnlyDictionary<EntityName, long> Take()
    {
        Domain.InvariantException.Require(_saving.Count == 0, "a checkpoint began while another of the same partition was being written");
        (_saving, _changed) = (_changed, _saving);
        return _saving;
    }

    /// <summary>The checkpoint is durable. The list that <see cref="Take"/> gave is not valid any more.</summary>
    public void Saved() => _saving.Clear();

    /// <summary>It is not.</summary>
    public void Restore()
    {
        foreach ((EntityName entity, long offset) in _saving)
        {
            _changed.TryAdd(entity, offset);
        }

        _saving.Clear();
    }
}
