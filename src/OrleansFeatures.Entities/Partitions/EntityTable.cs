using System.Diagnostics.CodeAnalysis;
using OrleansFeatures.Domain;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// Things by entity: type number and key bytes. Looked up by a span straight out of a record, so finding an entity allocates nothing.
/// Entered by one thread at a time.
/// </summary>
public sealed class EntityTable<T> where T : class
{
    private readonly Dictionary<uint, Dictionary<byte[], T>> _byType = [];

    public int Count { get; private set; }

    public bool TryGet(uint entityTypeId, ReadOnlySpan<byte> key, [NotNullWhen(true)] out T? value)
    {
        value = null;
        return _byType.TryGetValue(entityTypeId, out var table) && table.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out value);
    }

    /// <summary>The entity must not be there yet.</summary>
    public void Add(uint entityTypeId, ReadOnlySpan<byte> key, T value)
    {
        if (!_byType.TryGetValue(entityTypeId, out var table))
        {
            _byType[entityTypeId] = table = new Dictionary<byte[], T>(KeyBytesComparer.Instance);
        }

        table.Add(key.ToArray(), value);
        Count++;
    }

    private sealed class KeyBytesComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly KeyBytesComparer Instance = new();

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(byte[] obj) => (int)StableHash.Of(obj);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)StableHash.Of(alternate);
    }
}
