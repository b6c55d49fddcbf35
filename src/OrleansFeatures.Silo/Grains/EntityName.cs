using StableHash = OrleansFeatures.Domain.StableHash;

namespace OrleansFeatures.Silo.Grains;

/// <summary>An entity within its partition: its type's number and its key's bytes. Compared by <see cref="EntityNames"/>.</summary>
internal readonly struct EntityName(uint type, byte[] key)
{
    public uint Type => type;

    public byte[] Key => key;

    public EntitySpan Span => new(type, key);
}

/// <summary>The same straight out of a record, so that finding an entity allocates nothing.</summary>
internal readonly ref struct EntitySpan(uint type, ReadOnlySpan<byte> key)
{
    public uint Type { get; } = type;

    public ReadOnlySpan<byte> Key { get; } = key;
}

/// <summary>Entities by type and the content of their keys.</summary>
internal sealed class EntityNames : IEqualityComparer<EntityName>, IAlternateEqualityComparer<EntitySpan, EntityName>
{
    public static readonly EntityNames Comparer = new();

    public EntityName Create(EntitySpan alternate) => new(alternate.Type, alternate.Key.ToArray());

    public bool Equals(EntityName x, EntityName y) => x.Type == y.Type && x.Key.AsSpan().SequenceEqual(y.Key);

    public bool Equals(EntitySpan alternate, EntityName other) => alternate.Type == other.Type && alternate.Key.SequenceEqual(other.Key);

    public int GetHashCode(EntityName obj) => GetHashCode(obj.Span);

    public int GetHashCode(EntitySpan alternate) => (int)(StableHash.Of(alternate.Key) ^ alternate.Type);
}
