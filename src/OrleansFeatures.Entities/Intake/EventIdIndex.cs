using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using OrleansFeatures.Domain;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Which event ids a stream's history holds: what makes an event count once, whichever connection brings it and however its copies differ.
/// Exact for numeric ids; text ids are held as the first 128 bits of their SHA-256, where two of 2^32 ids are equal with a chance of 2^-65.
/// 28 to 56 bytes per event in history. Any thread; shards keep threads out of each other's way.
/// </summary>
public sealed class EventIdIndex
{
    private const int ShardCount = 64;
    private readonly ConcurrentDictionary<uint, StreamIds> _streams = new();

    /// <summary>False if the id is claimed already: by history, or by an event on its way there.</summary>
    public bool TryClaim(uint stream, in IdKey id) => Of(stream).Shard(id).TryAdd(id);

    /// <summary>Takes a claim back, because its event did not get into the log.</summary>
    public void Release(uint stream, in IdKey id) => Of(stream).Shard(id).Remove(id);

    /// <summary>Whether history or an event on its way there has this id.</summary>
    public bool IsClaimed(uint stream, in IdKey id) => Of(stream).Shard(id).Contains(id);

    /// <summary>Ids claimed, for the stream's count of accepted events.</summary>
    public long Count(uint stream) => _streams.TryGetValue(stream, out StreamIds? ids) ? ids.Count : 0;

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

    private sealed class StreamIds
    {
        private readonly IdShard[] _shards = [.. Enumerable.Range(0, ShardCount).Select(_ => new IdShard())];

        public long Count => _shards.Sum(shard => shard.Count);

        public IdShard Shard(in IdKey id) => _shards[StableHash.Mix(id.Low ^ id.High) % ShardCount];
    }

    private sealed class IdShard
    {
        private readonly Lock _gate = new();
        private readonly HashSet<IdKey> _ids = new(IdComparer.Instance);

        public long Count
        {
            get
            {
                lock (_gate)
                {
                    return _ids.Count;
                }
            }
        }

        public bool TryAdd(in IdKey id)
        {
            lock (_gate)
            {
                return _ids.Add(id);
            }
        }

        public bool Contains(in IdKey id)
        {
            lock (_gate)
            {
                return _ids.Contains(id);
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
