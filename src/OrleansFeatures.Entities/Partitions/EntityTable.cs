using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>Something that is found by an entity's key.</summary>
public interface IKeyed
{
    /// <summary>The key's bytes.</summary>
    ReadOnlySpan<byte> Key { get; }
}

/// <summary>
/// Things by entity: type number and key bytes. Looked up by a span straight out of a record, so finding an entity allocates nothing. One thread at a time may change it; while nobody does, any may
/// look. A hash table with open addressing, one per type, because finding an entity is a third of the work of an event and a dictionary's table cannot be asked for ahead of time:
/// <code>
///   slots   [ hash, check, thing, place ][ hash, check, -, place ][ empty ] ...       found where the hash points, or a few slots on
///             awake: compared by key       asleep: by 128 bits of hash
/// </code>
/// A thing that sleeps is known by where it was saved and by a hash of 128 bits of its key, so that a million of them take 48 MB and not their keys as well. Among a billion entities two have the same 128 bits with a chance
/// of 10^-21; the saved record has the key, and whoever wakes it compares.
/// </summary>
public sealed class EntityTable<T> where T : class, IKeyed
{
    private readonly Dictionary<uint, Slots> _byType = [];

    /// <summary>A new array with every new type, of which there are few: whoever reads ahead has one or the other.</summary>
    private volatile (uint Type, Slots Slots)[] _inOrder = [];
    private uint _lastType;
    private Slots? _last;
    private (int Type, int Slot) _hand;

    /// <summary>Things, awake or asleep.</summary>
    public int Count { get; private set; }

    public int Asleep { get; private set; }

    /// <summary>All things that are awake, in no order.</summary>
    public IEnumerable<T> All => _inOrder.SelectMany(type => type.Slots.Awake);

    /// <summary>A thing that is awake.</summary>
    public bool TryGet(uint entityTypeId, ReadOnlySpan<byte> key, [NotNullWhen(true)] out T? value) => TryGet(entityTypeId, key, out value, out _);

    /// <summary>A thing that is awake; false with a place is one that sleeps, and false with none is nobody.</summary>
    public bool TryGet(uint entityTypeId, ReadOnlySpan<byte> key, [NotNullWhen(true)] out T? value, out StatePlace place)
    {
        if (Of(entityTypeId) is { } slots)
        {
            ref Slot slot = ref slots.Find(StableHash.Of(key), key);
            (value, place) = (slot.Value, slot.Place);
            return value is not null;
        }

        (value, place) = (null, default);
        return false;
    }

    /// <summary>Asks for the memory in which a later <see cref="TryGet(uint, ReadOnlySpan{byte}, out T)"/> will look. Returns the key's hash, for <see cref="Guess"/>.</summary>
    public ulong Warm(uint entityTypeId, ReadOnlySpan<byte> key)
    {
        ulong hash = StableHash.Of(key);
        Of(entityTypeId)?.Warm(hash);
        return hash;
    }

    /// <summary>What a key of this hash most likely finds, without looking at it: it may be another's, where two keys have one hash.</summary>
    public T? Guess(uint entityTypeId, ulong hash) => Of(entityTypeId)?.Guess(hash);

    /// <summary>
    /// As <see cref="Warm"/>, for a read to come: any thread, also while another changes the table, because it looks at one state of it or another, keeps nothing, and changes nothing.
    /// </summary>
    public ulong WarmRead(uint entityTypeId, ReadOnlySpan<byte> key)
    {
        ulong hash = StableHash.Of(key);
        Peek(entityTypeId)?.Warm(hash);
        return hash;
    }

    /// <summary>As <see cref="Guess"/>, for a read to come: any thread. Null as well where the thing is not found within a few slots.</summary>
    public T? GuessRead(uint entityTypeId, ulong hash) => Peek(entityTypeId)?.GuessNear(hash);

    /// <summary>The entity must not be there yet.</summary>
    public void Add(uint entityTypeId, T value)
    {
        OfOrNew(entityTypeId).Add(new Slot { Hash = StableHash.Of(value.Key), Check = EntityHash.CheckOf(value.Key), Value = value });
        Count++;
    }

    /// <summary>An entity that was saved; false, and nothing changes, where it is here already.</summary>
    public bool AddAsleep(in StateEntry entry)
    {
        if (!OfOrNew(entry.EntityType).AddAsleep(new Slot { Hash = entry.Hash, Check = entry.Check, Place = entry.Place }))
        {
            return false;
        }

        Count++;
        Asleep++;
        return true;
    }

    /// <summary>A thing that slept is in memory again.</summary>
    public void Wake(uint entityTypeId, T value)
    {
        Of(entityTypeId)!.Find(StableHash.Of(value.Key), value.Key).Value = value;
        Asleep--;
    }

    /// <summary>The newest record of a thing lies here now.</summary>
    /// <returns>Where it lay before.</returns>
    public StatePlace Move(uint entityTypeId, ReadOnlySpan<byte> key, StatePlace place)
    {
        ref Slot slot = ref Of(entityTypeId)!.Find(StableHash.Of(key), key);
        StatePlace before = slot.Place;
        slot.Place = place;
        return before;
    }

    /// <summary>Where the newest record of an entity lies, found by its hash, and the thing, if it is awake. False for an entity that is not here.</summary>
    public bool TryFind(in StateEntry entry, out T? value, out StatePlace place)
    {
        if (Of(entry.EntityType) is { } slots)
        {
            ref Slot slot = ref slots.Find(entry.Hash, entry.Check);
            (value, place) = (slot.Value, slot.Place);
            return !slot.IsEmpty;
        }

        (value, place) = (null, default);
        return false;
    }

    /// <summary>A record was copied as it is: its entity lies elsewhere now, unless it has been saved anew since.</summary>
    public bool Move(in StateEntry from, StatePlace to)
    {
        if (Of(from.EntityType) is not { } slots)
        {
            return false;
        }

        ref Slot slot = ref slots.Find(from.Hash, from.Check);
        if (slot.IsEmpty || slot.Place != from.Place)
        {
            return false;
        }

        slot.Place = to;
        return true;
    }

    /// <summary>
    /// A hand that goes round over all slots, some at a time, and puts to sleep what <paramref name="maySleep"/> says: given the thing and where it was saved, which is nowhere for one that never was.
    /// Returns whether it has come round.
    /// </summary>
    public bool Sweep(int slots, Func<T, StatePlace, bool> maySleep)
    {
        for (; slots > 0 && _hand.Type < _inOrder.Length; slots--)
        {
            Slots type = _inOrder[_hand.Type].Slots;
            if (_hand.Slot >= type.Capacity)
            {
                _hand = (_hand.Type + 1, 0);
                continue;
            }

            ref Slot slot = ref type[_hand.Slot++];
            if (slot.Value is { } awake && !slot.Place.IsNowhere && maySleep(awake, slot.Place))
            {
                slot.Value = null;
                Asleep++;
            }
        }

        if (_hand.Type < _inOrder.Length)
        {
            return false;
        }

        _hand = default;
        return true;
    }

    /// <summary>Slots that a round of <see cref="Sweep"/> has.</summary>
    public int Capacity
    {
        get
        {
            int capacity = 0;
            foreach ((_, Slots slots) in _inOrder)
            {
                capacity += slots.Capacity;
            }

            return capacity;
        }
    }

    private Slots? Peek(uint entityTypeId)
    {
        foreach ((uint type, Slots slots) in _inOrder)
        {
            if (type == entityTypeId)
            {
                return slots;
            }
        }

        return null;
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

    private Slots OfOrNew(uint entityTypeId)
    {
        if (Of(entityTypeId) is { } known)
        {
            return known;
        }

        var slots = new Slots();
        _byType[entityTypeId] = slots;
        _inOrder = [.. _inOrder, (entityTypeId, slots)];
        return slots;
    }

    private sealed class Slots
    {
        private const int FirstCapacity = 16;

        /// <summary>A search mostly ends within three; a guess that looks no further than this costs nothing that was not asked for.</summary>
        private const int NearSlots = 4;
        private Slot[] _slots = new Slot[FirstCapacity];
        private int _count;

        public int Capacity => _slots.Length;

        public ref Slot this[int slot] => ref _slots[slot];

        public IEnumerable<T> Awake
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

        /// <summary>The slot of a key; an empty one where it has none.</summary>
        public ref Slot Find(ulong hash, ReadOnlySpan<byte> key)
        {
            Slot[] slots = _slots;
            for (int at = (int)(hash & (ulong)(slots.Length - 1)); ; at = (at + 1) & (slots.Length - 1))
            {
                ref Slot slot = ref slots[at];
                if (slot.Value is { } awake ? slot.Hash == hash && awake.Key.SequenceEqual(key) : slot.IsEmpty || (slot.Hash == hash && slot.Check == EntityHash.CheckOf(key)))
                {
                    return ref slot;
                }
            }
        }

        /// <summary>The same by both hashes.</summary>
        public ref Slot Find(ulong hash, ulong check)
        {
            Slot[] slots = _slots;
            int at = (int)(hash & (ulong)(slots.Length - 1));
            while (!slots[at].IsEmpty && (slots[at].Hash != hash || slots[at].Check != check))
            {
                at = (at + 1) & (slots.Length - 1);
            }

            return ref slots[at];
        }

        public T? Guess(ulong hash)
        {
            Slot[] slots = _slots;
            int at = (int)(hash & (ulong)(slots.Length - 1));
            while (!slots[at].IsEmpty && slots[at].Hash != hash)
            {
                at = (at + 1) & (slots.Length - 1);
            }

            return slots[at].Value;
        }

        public T? GuessNear(ulong hash)
        {
            Slot[] slots = _slots;
            int at = (int)(hash & (ulong)(slots.Length - 1));
            for (int look = 0; look < NearSlots; look++)
            {
                if (slots[at].Hash == hash)
                {
                    return slots[at].Value;
                }

                at = (at + 1) & (slots.Length - 1);
            }

            return null;
        }

        public void Warm(ulong hash)
        {
            Slot[] slots = _slots;
            Prefetch.Line(ref Unsafe.As<Slot, byte>(ref slots[(int)(hash & (ulong)(slots.Length - 1))]));
        }

        public void Add(in Slot added)
        {
            MakeRoom();
            Put(added);
            _count++;
        }

        public bool AddAsleep(in Slot added)
        {
            MakeRoom();
            ref Slot slot = ref Find(added.Hash, added.Check);
            if (!slot.IsEmpty)
            {
                return false;
            }

            slot = added;
            _count++;
            return true;
        }

        private void MakeRoom()
        {
            // Three quarters full at most: a search then looks at two or three slots.
            if ((_count + 1) * 4 > _slots.Length * 3)
            {
                Slot[] old = _slots;
                _slots = new Slot[old.Length * 2];
                foreach (Slot slot in old)
                {
                    if (!slot.IsEmpty)
                    {
                        Put(slot);
                    }
                }
            }
        }

        private void Put(in Slot added)
        {
            int at = (int)(added.Hash & (ulong)(_slots.Length - 1));
            while (!_slots[at].IsEmpty)
            {
                at = (at + 1) & (_slots.Length - 1);
            }

            _slots[at] = added;
        }
    }

    /// <summary>32 bytes, half a line. Value and place: awake and saved; value alone: never saved; place alone: asleep; neither: empty.</summary>
    private struct Slot
    {
        public ulong Hash;
        public ulong Check;
        public T? Value;
        public StatePlace Place;

        public readonly bool IsEmpty => Value is null && Place.IsNowhere;
    }
}

/// <summary>The 128 bits by which an entity is known that is not in memory: the hash that finds its slot, and another that is independent of it. Part of the on-disk contract.</summary>
public static class EntityHash
{
    private const ulong CheckSeed = 0x9E3779B97F4A7C15;

    public static ulong CheckOf(ReadOnlySpan<byte> key) => StableHash.Of(key, CheckSeed);
}
