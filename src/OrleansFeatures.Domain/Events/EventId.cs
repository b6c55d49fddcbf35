namespace OrleansFeatures.Domain.Events;

/// <summary>
/// An event's identity within its stream. Ids order events of equal time: numerically where the stream declares the id int64, bytewise
/// (UTF-8) where it is a string.
/// </summary>
public readonly struct EventId : IEquatable<EventId>, IComparable<EventId>
{
    private EventId(long number, string? text)
    {
        Number = number;
        Text = text;
    }

    public long Number { get; }

    /// <summary>Null for a numeric id.</summary>
    public string? Text { get; }

    public static EventId Of(long number) => new(number, null);

    public static EventId Of(string text) => new(0, text);

    public int CompareTo(EventId other) => Text is null ? Number.CompareTo(other.Number) : Utf8Order.Compare(Text, other.Text);

    public bool Equals(EventId other) => Number == other.Number && Text == other.Text;

    public override bool Equals(object? obj) => obj is EventId other && Equals(other);

    public override int GetHashCode() => Text is null ? (int)StableHash.Mix((ulong)Number) : (int)StableHash.Of(Text);

    public override string ToString() => Text ?? Number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>
/// Orders strings as their UTF-8 bytes are ordered, which is code point order. It differs from UTF-16 order only where a surrogate
/// meets a character from U+E000 to U+FFFF: the surrogate's code point is the greater one.
/// </summary>
public static class Utf8Order
{
    public static int Compare(string? left, string? right)
    {
        left ??= "";
        right ??= "";
        int length = Math.Min(left.Length, right.Length);
        int at = left.AsSpan(0, length).CommonPrefixLength(right.AsSpan(0, length));
        if (at == length)
        {
            return left.Length.CompareTo(right.Length);
        }

        char a = left[at];
        char b = right[at];
        bool leftIsSurrogate = char.IsSurrogate(a);
        return leftIsSurrogate == char.IsSurrogate(b) ? a.CompareTo(b) : leftIsSurrogate ? 1 : -1;
    }
}
