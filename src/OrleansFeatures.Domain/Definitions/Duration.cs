using System.Globalization;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>A length of event time in microseconds. Written as a whole number and one of <c>ms s m h d</c>; a day is 86,400 s.</summary>
public readonly record struct Duration(long Micros) : IComparable<Duration>
{
    private static readonly (string Unit, long Micros)[] Units =
    [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000),
    ];

    public static readonly Duration Zero = new(0);

    public static Duration Days(long days) => new(days * 86_400_000_000);

    public int CompareTo(Duration other) => Micros.CompareTo(other.Micros);

    public static bool operator <(Duration left, Duration right) => left.Micros < right.Micros;

    public static bool operator >(Duration left, Duration right) => left.Micros > right.Micros;

    public static bool operator <=(Duration left, Duration right) => left.Micros <= right.Micros;

    public static bool operator >=(Duration left, Duration right) => left.Micros >= right.Micros;

    public static bool TryParse(string text, out Duration duration)
    {
        duration = default;
        int digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
        {
            digits++;
        }

        if (digits == 0 || !long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out long count))
        {
            return false;
        }

        foreach ((string unit, long micros) in Units)
        {
            if (text.AsSpan(digits).SequenceEqual(unit) && count <= Limits.WindowReachMaxMicros / micros)
            {
                duration = new Duration(count * micros);
                return true;
            }
        }

        return false;
    }

    /// <summary>The shortest spelling: the largest unit that divides it.</summary>
    public override string ToString()
    {
        foreach ((string unit, long micros) in Units)
        {
            if (Micros != 0 && Micros % micros == 0)
            {
                return $"{Micros / micros}{unit}";
            }
        }

        return Micros == 0 ? "0s" : $"{Micros}us";
    }
}
