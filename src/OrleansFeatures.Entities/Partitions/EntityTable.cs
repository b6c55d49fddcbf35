using System.Diagnostics.CodeAnalysis;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Memory;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>Something that is found by an entity's key.</summary>
public interface IKeyed
{
    /// <summary>The key's bytes.</summary>
    ReadOnlySpan<byte> Key { get; }
}

/// <summary>
/// Things by entity: type number and key bytes. Looked up by a span straight out of a record, so finding an entity allocates nothing. One thread at a time may add; while nobody adds, any may
/// look. A hash table with open addressing, one per type, because finding an entity is a third of the work of an event and a dictionary's table cannot be asked for ahead of time:
/// <code>
///   slots   [ hash, thing ][ hash, thing ][ empty ] ...       found where the hash points, or a few slots on
/// </code>
/// </summary>
public sealed class EntityTable<T> where T : class, IKeyed
{
    private readonly Dictionary<uint, Slots> _byType = [];
    private uint _lastType;
    private Slots? _last;

    public int Count { get; private set; }

    /// <summary>All things, in no order.</summary>
    public IEnumerable<T> All => _byType.Values.SelectMany(slots => slots.All);

    public bool TryGet(uint entityTypeId, ReadOnlySpan<byte> key, [NotNullWhen(true)] out T? value)
    {
        value = Of(entityTypeId)?.Find(StableHash.Of(key), key);
        return value is not null;
    }

    /// <summary>Asks for the memory in which a later <see cref="TryGet"/> will look. Returns the key's hash, for <see cref="Guess"/>.</summary>
    public ulong Warm(uint entityTypeId, ReadOnlySpan<byte> key)
    {
        ulong hash = StableHash.Of(key);
        Of(entityTypeId)?.Warm(hash);
        return hash;
    }

    /// <summary>What a key of this hash most likely finds, without looking at it: it may be another's, where two keys have one hash.</summary>
    public T? Guess(uint entityTypeId, ulong hash) => Of(entityTypeId)?.Guess(hash);

    /// <summary>The entity must not be there yet.</summary>
    public void Add(uint entityTypeId, T value)
    {
        if (Of(entityTypeId) is not { } slots)
        {
            _byType[entityTypeId] = slots = new Slots();
        }

        slots.Add(StableHash.Of(value.Key), value);
        Count++;
    }

    private Slots? Of(uint entityTypeId)
    {
        // A partition has few types, and mostly one after the other asks for the same.
        if (_last is { } last && _lastType == entityTypeId)
        {
            return last;
        }

        if (_byType.TryGetValue(entityTypeId, out Slots? slots))
        {
            (_lastType, _last) = (entityTypeId, slots);
        }

        return slots;
    }

    private sealed class Slots
    {
        private const int FirstCapacity = 16;
        private Slot[] _slots = new Slot[FirstCapacity];
        private int _count;

        public IEnumerable<T> All
        {
            get
            {
                foreach (Slot slot in _slots)
                {
                    if (slot.Value is { } value)
                    {
                        yield return value;
                    }
                }
            }
        }

        public T? Find(ulong hash, ReadOnlySpan<byte> key)
        {
            Slot[] slots = _slots;
            for (int at = (int)(hash & (ulong)(slots.Length - 1)); ; at = (at + 1) & (slots.Length - 1))
            {
                ref Slot slot = ref slots[at];
                if (slot.Value is null || (slot.Hash == hash && slot.Value.Key.SequenceEqual(key)))
                {
                    return slot.Value;
                }
            }
        }

        public T? Guess(ulong hash)
        {
            Slot[] slots = _slots;
            int at = (int)(hash & (ulong)(slots.Length - 1));
            while (slots[at].Value is not null && slots[at].Hash != hash)
            {
                at = (at + 1) & (slots.Length - 1);
            }

            return slots[at].Value;
        }

        public void Warm(ulong hash) => Prefetch.Line(ref System.Runtime.CompilerServices.Unsafe.As<Slot, byte>(ref _slots[(int)(hash & (ulong)(_slots.Length - 1))]));

        public void Add(ulong hash, T value)
        {
            // Three quarters full at most: a search then looks at two or three slots.
            if ((_count + 1) * 4 > _slots.Length * 3)
            {
                Slot[] old = _slots;
                _slots = new Slot[old.Length * 2];
                foreach (Slot slot in old)
                {
                    if (slot.Value is not null)
                    {
                        Put(slot);
                    }
                }
            }

            Put(new Slot(hash, value));
            _count++;
        }

        private void Put(Slot added)
        {
            int at = (int)(added.Hash & (ulong)(_slots.Length - 1));
            while (_slots[at].Value is not null)
            {
                at = (at + 1) & (_slots.Length - 1);
            }

            _slots[at] = added;
        }
    }

    private readonly record struct Slot(ulong Hash, T? Value);
}
