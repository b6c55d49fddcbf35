using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using OrleansFeatures.Domain;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Which event ids a stream's history holds, and of each where its current version lies: what makes an event count once, whichever connection brings it and however its
/// copies differ, and what a correction finds its event by. Ids beyond the dedupe horizon may be forgotten; <see cref="ForgottenThrough"/> says how far. Exact for numeric ids; text ids are held as the first 128 bits of their SHA-256, where two of 2^32 ids are
/// equal with a chance of 2^-65. 36 to 72 bytes per event in history. Any thread; shards keep threads out of each other's way.
/// </summary>
public sealed class EventIdIndex
{
    private const int ShardCount = 64;
    private readonly ConcurrentDictionary<uint, StreamIds> _streams = new();

    /// <summary>
    /// Takes an id that nobody has, for an event of the batch of that number. False if history has it, or a batch on its way there: <paramref name="known"/> says which.
    /// </summary>
    public bool TryClaim(uint stream, in IdKey id, long batch, out IdVersion known) => Of(stream).Shard(id).TryAdd(id, IdVersion.Pending(batch), out known);

    /// <summary>What is known of an id.</summary>
    public bool TryFind(uint stream, in IdKey id, out IdVersion known) => Of(stream).Shard(id).TryGet(id, out known);

    /// <summary>The id's event, or its absence, is durable now.</summary>
    public void Settle(uint stream, in IdKey id, IdVersion version) => Of(stream).Shard(id).Set(id, version);

    /// <summary>Takes a claim back, because its event did not get into the log.</summary>
    public void Release(uint stream, in IdKey id) => Of(stream).Shard(id).Remove(id);

    /// <summary>What history says of an id, in any order: of several versions the one that comes last in the log counts.</summary>
    public void Recall(uint stream, in IdKey id, IdVersion version) => Of(stream).Shard(id).SetIfNewer(id, version);

    /// <summary>Room for so many ids that are about to be recalled.</summary>
    public void Reserve(uint stream, long ids) => Of(stream).Reserve(ids);

    /// <summary>Events that stand, forgotten ones included: the stream's count of accepted events.</summary>
    public long Count(uint stream) => _streams.TryGetValue(stream, out StreamIds? ids) ? ids.Count + Volatile.Read(ref ids.Forgotten) : 0;

    /// <summary>Events of this time and older may have been forgotten: an id that nobody has may be a duplicate of one of them. Null while none has.</summary>
    public long? ForgottenThrough(uint stream) =>
        _streams.TryGetValue(stream, out StreamIds? ids) && Volatile.Read(ref ids.ForgottenThrough) is var through && through != long.MinValue ? through : null;

    /// <summary>How many events that stand have been forgotten.</summary>
    public long Forgotten(uint stream) => _streams.TryGetValue(stream, out StreamIds? ids) ? Volatile.Read(ref ids.Forgotten) : 0;

    /// <summary>Says that events through this time are about to be forgotten; before the first of them is.</summary>
    public void BeginForgetting(uint stream, long throughMicros, long alreadyForgotten = 0)
    {
        StreamIds ids = Of(stream);
        Volatile.Write(ref ids.ForgottenThrough, Math.Max(ids.ForgottenThrough, throughMicros));
        Interlocked.Add(ref ids.Forgotten, alreadyForgotten);
    }

    /// <summary>Forgets an id, unless something newer has become of its event.</summary>
    public void Forget(uint stream, in IdKey id, IdVersion version)
    {
        StreamIds ids = Of(stream);
        if (ids.Shard(id).RemoveIf(id, version) && !version.IsDeleted)
        {
            Interlocked.Increment(ref ids.Forgotten);
        }
    }

    private StreamIds Of(uint stream) => _streams.GetOrAdd(stream, static _ => new StreamIds());

    /// <summary>An id as the index keeps it.</summary>
    public readonly record struct IdKey(ulong High, ulong Low)
    {
        public static IdKey Of(long number) => new(0, (ulong)number);

        public static IdKey Of(ReadOnlySpan<byte> utf8)
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(utf8, hash);
            return new IdKey(BinaryPrimitives.ReadUInt64LittleEndian(hash), BinaryPrimitives.ReadUInt64LittleEndian(hash[8..]));
        }
    }

    /// <summary>What is known of an id. The number of a batch on its way, or the log sequence of the current version's primary record.</summary>
    public readonly record struct IdVersion
    {
        private readonly long _bits;

        private IdVersion(long bits) => _bits = bits;

        public bool IsPending => _bits < 0;

        /// <summary>Of a pending id: the batch that has claimed it.</summary>
        public long Batch => ~_bits;

        public long Sequence => _bits >> 1;

        /// <summary>The record takes the event back, or says that it never is to come.</summary>
        public bool IsDeleted => !IsPending && (_bits & 1) != 0;

        /// <summary>The version as a number, and back; never of a pending one.</summary>
        public long Bits => _bits;

        public static IdVersion OfBits(long bits) => new(bits);

        public static IdVersion Pending(long batch) => new(~batch);

        public static IdVersion At(long sequence, bool deleted) => new((sequence << 1) | (deleted ? 1L : 0));
    }

    private sealed class StreamIds
    {
        public long Forgotten;
        public long ForgottenThrough = long.MinValue;
        private readonly IdShard[] _shards = [.. Enumerable.Range(0, ShardCount).Select(_ => new IdShard())];

        public long Count => _shards.Sum(shard => shard.Count);

        public void Reserve(long ids)
        {
            foreach (IdShard shard in _shards)
            {
                shard.Reserve((int)(ids / ShardCount));
            }
        }

        public IdShard Shard(in IdKey id) => _shards[StableHash.Mix(id.Low ^ id.High) % ShardCount];
    }

    private sealed class IdShard
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<IdKey, IdVersion> _ids = new(IdComparer.Instance);
        private long _deleted;

        public long Count
        {
            get
            {
                lock (_gate)
                {
                    return _ids.Count - _deleted;
                }
            }
        }

        public bool TryAdd(in IdKey id, IdVersion version, out IdVersion known)
        {
            lock (_gate)
            {
                ref IdVersion entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_ids, id, out bool exists);
                if (!exists)
                {
                    entry = version;
                }

                known = entry;
                return !exists;
            }
        }

        public bool TryGet(in IdKey id, out IdVersion known)
        {
            lock (_gate)
            {
                return _ids.TryGetValue(id, out known);
            }
        }

        public void Set(in IdKey id, IdVersion version)
        {
            lock (_gate)
            {
                ref IdVersion entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_ids, id, out bool exists);
                _deleted += (version.IsDeleted ? 1 : 0) - (exists && entry.IsDeleted ? 1 : 0);
                entry = version;
            }
        }

        public void SetIfNewer(in IdKey id, IdVersion version)
        {
            lock (_gate)
            {
                ref IdVersion entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_ids, id, out bool exists);
                if (!exists || entry.Sequence < version.Sequence)
                {
                    _deleted += (version.IsDeleted ? 1 : 0) - (exists && entry.IsDeleted ? 1 : 0);
                    entry = version;
                }
            }
        }

        public void Reserve(int more)
        {
            lock (_gate)
            {
                _ids.EnsureCapacity(_ids.Count + more);
            }
        }

        public bool RemoveIf(in IdKey id, IdVersion version)
        {
            lock (_gate)
            {
                if (!_ids.TryGetValue(id, out IdVersion known) || known != version)
                {
                    return false;
                }

                _deleted -= known.IsDeleted ? 1 : 0;
                return _ids.Remove(id);
            }
        }

        public void Remove(in IdKey id)
        {
            lock (_gate)
            {
                _ids.Remove(id);
            }
        }
    }

    private sealed class IdComparer : IEqualityComparer<IdKey>
    {
        public static readonly IdComparer Instance = new();

        public bool Equals(IdKey x, IdKey y) => x.Low == y.Low && x.High == y.High;

        public int GetHashCode(IdKey id) => (int)(StableHash.Mix(id.Low ^ id.High) >> 32);
    }
}
