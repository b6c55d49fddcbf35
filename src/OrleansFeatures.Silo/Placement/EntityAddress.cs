using System.Buffers;
using System.Text;
using System.Text.Unicode;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Silo.Placement;

/// <summary>
/// An entity as its grain is called: <c>tenant/entity type/key</c>, each part percent-encoded as in a URL (RFC 3986: letters, digits and <c>-._~</c> stand for themselves, any other byte is
/// <c>%</c> and two capital hex digits). One entity has one spelling, so that it cannot have two grains: <see cref="Parse"/> refuses any other.
/// </summary>
/// <param name="Tenant">The tenant; today every entity is of <see cref="PartitionMap.DefaultTenant"/>.</param>
/// <param name="EntityType">The entity type's name.</param>
/// <param name="Key">The key's bytes as records have them: any bytes, also none.</param>
public readonly record struct EntityAddress(string Tenant, string EntityType, ReadOnlyMemory<byte> Key)
{
    private static readonly SearchValues<byte> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"u8);

    public EntityAddress(string entityType, ReadOnlyMemory<byte> key) : this(PartitionMap.DefaultTenant, entityType, key)
    {
    }

    /// <summary>The entity type's number in records.</summary>
    public uint TypeId => NameId.Of(EntityType);

    /// <summary>Reads what <see cref="ToGrainKey"/> wrote.</summary>
    /// <exception cref="FormatException">It is not what that would have written; says where.</exception>
    public static EntityAddress Parse(ReadOnlySpan<char> grainKey)
    {
        int first = grainKey.IndexOf('/');
        int second = first < 0 ? -1 : grainKey[(first + 1)..].IndexOf('/') + first + 1;
        if (second <= first || grainKey[(second + 1)..].Contains('/'))
        {
            throw new FormatException($"'{grainKey}' is not an entity's grain key: that is tenant/type/key, with every '/' inside a part written as %2F");
        }

        return new EntityAddress(Name(grainKey, 0, first), Name(grainKey, first + 1, second), Decode(grainKey, second + 1, grainKey.Length));
    }

    public PartitionId PartitionOf(PartitionMap map) => map.Of(TypeId, Key.Span);

    public string ToGrainKey()
    {
        // Most keys need no escape, so this is the length that most have.
        var text = new StringBuilder(Tenant.Length + EntityType.Length + Key.Length + 2);
        Encode(text, Encoding.UTF8.GetBytes(Tenant));
        Encode(text.Append('/'), Encoding.UTF8.GetBytes(EntityType));
        Encode(text.Append('/'), Key.Span);
        return text.ToString();
    }

    public bool Equals(EntityAddress other) => Tenant == other.Tenant && EntityType == other.EntityType && Key.Span.SequenceEqual(other.Key.Span);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Tenant);
        hash.Add(EntityType);
        hash.AddBytes(Key.Span);
        return hash.ToHashCode();
    }

    public override string ToString() => ToGrainKey();

    private static void Encode(StringBuilder text, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            if (Plain.Contains(b))
            {
                text.Append((char)b);
            }
            else
            {
                text.Append('%').Append(HexDigit(b >> 4)).Append(HexDigit(b & 15));
            }
        }
    }

    private static string Name(ReadOnlySpan<char> grainKey, int from, int to)
    {
        byte[] bytes = Decode(grainKey, from, to);
        return Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : throw new FormatException($"'{grainKey}', character {from}: a tenant and an entity type are UTF-8 text, and these bytes are not");
    }

    private static byte[] Decode(ReadOnlySpan<char> grainKey, int from, int to)
    {
        var bytes = new ArrayBufferWriter<byte>(Math.Max(1, to - from));
        for (int at = from; at < to; at++)
        {
            char c = grainKey[at];
            bool escaped = c == '%' && at + 2 < to;
            int value = escaped ? (HexValue(grainKey[at + 1]) << 4) | HexValue(grainKey[at + 2]) : c;
            bool plain = value is >= 0 and <= 255 && Plain.Contains((byte)value);
            if (value is < 0 or > 255 || plain == escaped)
            {
                throw new FormatException($"'{grainKey}', character {at}: not as an entity's grain key spells that byte; letters, digits and -._~ stand for themselves, any other byte is % and two capital hex digits");
            }

            bytes.GetSpan(1)[0] = (byte)value;
            bytes.Advance(1);
            at += escaped ? 2 : 0;
        }

        return bytes.WrittenSpan.ToArray();
    }

    private static char HexDigit(int value) => (char)(value < 10 ? '0' + value : 'A' + value - 10);

    private static int HexValue(char digit) => digit switch
    {
        >= '0' and <= '9' => digit - '0',
        >= 'A' and <= 'F' => digit - 'A' + 10,
        _ => -1,
    };
}
