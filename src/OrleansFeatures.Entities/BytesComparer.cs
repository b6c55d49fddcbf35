using OrleansFeatures.Domain;

namespace OrleansFeatures.Entities;

/// <summary>Byte strings by content, looked up by a span.</summary>
internal sealed class BytesComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static readonly BytesComparer Instance = new();

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode(byte[] obj) => (int)StableHash.Of(obj);

    public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)StableHash.Of(alternate);
}
