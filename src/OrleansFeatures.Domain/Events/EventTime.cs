using System.Globalization;

namespace OrleansFeatures.Domain.Events;

/// <summary>
/// When something happened, or arrived: microseconds since 1970-01-01T00:00:00Z. Written as RFC 3339.
/// </summary>
public readonly record struct EventTime(long Micros) : IComparable<EventTime>
{
    public static readonly EventTime Epoch = new(0);

    /// <summary>After every time: as a <c>known_at</c> it means everything known today.</summary>
    public static readonly EventTime Never = new(long.MaxValue);

    private const int FractionDigitsMax = 6;

    public int CompareTo(EventTime other) => Micros.CompareTo(other.Micros);

    public static bool operator <(EventTime left, EventTime right) => left.Micros < right.Micros;

    public static bool operator >(EventTime left, EventTime right) => left.Micros > right.Micros;

    public static bool operator <=(EventTime left, EventTime right) => left.Micros <= right.Micros;

    public static bool operator >=(EventTime left, EventTime right) => left.Micros >= right.Micros;

    public static EventTime From(DateTimeOffset time) => new((time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond);

    /// <summary>
    /// Reads RFC 3339 with a zone ("2018-04-01T00:00:31Z", up to six fraction digits, any offset). A time without a zone is refused:
    /// guessing one gives wrong features silently.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out EventTime time)
    {
        time = default;
        text = text.Trim();
        if (text.Length < "2018-04-01T00:00Z".Length || !HasShape(text) || !HasZone(text) || FractionDigits(text) > FractionDigitsMax)
        {
            return false;
        }

        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset parsed))
        {
            return false;
        }

        time = From(parsed);
        return true;
    }

    /// <summary>RFC 3339; beyond the years 1 to 9999, which it cannot write, the number.</summary>
    public override string ToString()
    {
        if (Micros is < Limits.TimestampMinMicros or > Limits.TimestampMaxMicros)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{Micros} microseconds since 1970");
        }

        var time = DateTimeOffset.UnixEpoch.AddTicks(Micros * TimeSpan.TicksPerMicrosecond);
        string format = Micros % 1_000_000 == 0 ? "yyyy-MM-ddTHH:mm:ssZ" : Micros % 1_000 == 0 ? "yyyy-MM-ddTHH:mm:ss.fffZ" : "yyyy-MM-ddTHH:mm:ss.ffffffZ";
        return time.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>"2018-04-01T00:00": the parser below would also take other orders of day and month, and guess.</summary>
    private static bool HasShape(ReadOnlySpan<char> text) =>
        text[4] == '-' && text[7] == '-' && text[10] is 'T' or 't' or ' ' && text[13] == ':' && !text[..16].ContainsAnyExcept("0123456789-: Tt");

    private static bool HasZone(ReadOnlySpan<char> text) =>
        text[^1] is 'Z' or 'z' || (text.Length > 6 && text[^3] == ':' && text[^6] is '+' or '-' && text[10] is 'T' or 't' or ' ');

    private static int FractionDigits(ReadOnlySpan<char> text)
    {
        int dot = text.IndexOf('.');
        if (dot < 0)
        {
            return 0;
        }

        int end = dot + 1;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
        {
            end++;
        }

        return end - dot - 1;
    }
}
