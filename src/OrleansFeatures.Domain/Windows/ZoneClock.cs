using System.Runtime.CompilerServices;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Windows;

// What the clock on the wall of a time zone shows, as a list of spans in which it stands a fixed offset from UTC. The list is made once a zone
// from the machine's time zone data, by looking at one instant a day and halving the days in which the offset changes; from then on a
// look-up is a binary search over some hundred spans.
//
//                 span i-1, offset p           span i, offset o
//   UTC  ──────────────────────────────────┼──────────────────────────────>
//   local                     …01:58 01:59 │ 03:00 03:01…      o > p: [02:00, 03:00) is skipped
//   local                     …02:58 02:59 │ 02:00 02:01…      o < p: [02:00, 03:00) is shown twice
//
// A day is a fine enough step because no zone has changed twice within one since 1970: the shortest pause between two changes is six days
// (America/Boa_Vista, October 2000).

/// <summary>One span: from <paramref name="StartMicros"/> (UTC) until the next span begins, local time is UTC plus the offset.</summary>
internal readonly record struct ZoneSpan(long StartMicros, long OffsetMicros);

/// <summary>A time zone's offsets from UTC, by instant. Immutable; any thread may ask.</summary>
internal sealed class ZoneClock
{
    /// <summary>
    /// Ten years of window and delay before the earliest event, and twelve years beyond the latest: outside of these the first and the last offset go on
    /// for ever, and no event is there.
    /// </summary>
    private const long FirstMicros = Limits.EventTimeMinMicros - Limits.WindowReachMaxMicros;
    private const long LastMicros = Limits.EventTimeMaxMicros + (12L * 366 * DayMicros);
    private const long DayMicros = 86_400_000_000;
    private const long SecondMicros = 1_000_000;

    /// <summary>What a machine's folder of zones holds beside zones: names that mean another zone on every machine, and clocks that count leap seconds.</summary>
    private static readonly string[] NoZones = ["localtime", "posixrules", "Local", "right/"];

    /// <summary>By the runtime's own instance of the zone, so that the spans are made once and go when it goes.</summary>
    private static readonly ConditionalWeakTable<TimeZoneInfo, ZoneClock> Clocks = [];

    private readonly ZoneSpan[] _spans;

    private ZoneClock(ZoneSpan[] spans) => _spans = spans;

    public static ZoneClock Utc { get; } = new([new ZoneSpan(long.MinValue, 0)]);

    public int Count => _spans.Length;

    public ZoneSpan this[int index] => _spans[index];

    /// <summary>Null when the zone is known and serves; else what is wrong with the name, and what would be right.</summary>
    public static (string Message, string Suggestion)? Refuse(string name) =>
        Find(name) is not null ? null : Explain(name, [.. TimeZoneInfo.GetSystemTimeZones().Select(zone => zone.Id).Where(IsZoneName)]);

    /// <summary>Why a zone is not among those that the machine knows. A machine without data knows UTC alone.</summary>
    internal static (string Message, string Suggestion) Explain(string name, string[] known) =>
        known.Any(id => id.Contains('/', StringComparison.Ordinal))
            ? ($"there is no time zone '{name}'", NameSuggestion.Closest(name, known) is { } near ? $"did you mean '{near}'?" : "write an IANA name, for example Europe/Zurich, or UTC")
            : ($"time zone '{name}' is not known, because this machine has no time zone data", "install the package tzdata, or use UTC");

    /// <summary>The clock of a zone that <see cref="Refuse"/> let pass.</summary>
    public static ZoneClock Of(string name)
    {
        if (name == "UTC")
        {
            return Utc;
        }

        TimeZoneInfo? zone = Find(name);
        InvariantException.Require(zone is not null, $"time zone '{name}' was known when the definitions were compiled, and no longer is");
        return Clocks.GetValue(zone!, ClockOf);
    }

    /// <summary>The last span that begins at or before the instant.</summary>
    public int SpanAt(long micros)
    {
        int low = 0;
        int high = _spans.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            (low, high) = _spans[middle].StartMicros <= micros ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    /// <summary>The instant at which another span begins; never for the last.</summary>
    public long EndOf(int index) => index + 1 < _spans.Length ? _spans[index + 1].StartMicros : long.MaxValue;

    /// <summary>The runtime compares names without case once it has listed them all, and with case before: here case counts always, so that a set of files means the same on any day.</summary>
    private static TimeZoneInfo? Find(string name) =>
        name == "UTC" ? TimeZoneInfo.Utc
        : IsZoneName(name) && TimeZoneInfo.TryFindSystemTimeZoneById(name, out TimeZoneInfo? zone) && zone.Id == name ? zone
        : null;

    private static bool IsZoneName(string name) =>
        name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '_' or '-' or '+') && !NoZones.Any(no => name.StartsWith(no, StringComparison.Ordinal));

    private static ZoneClock ClockOf(TimeZoneInfo zone)
    {
        var spans = new List<ZoneSpan> { new(long.MinValue, OffsetAt(zone, FirstMicros)) };
        for (long day = FirstMicros; day < LastMicros; day += DayMicros)
        {
            long after = OffsetAt(zone, day + DayMicros);
            if (after != spans[^1].OffsetMicros)
            {
                spans.Add(new ZoneSpan(ChangeWithin(zone, day, day + DayMicros), after));
            }
        }

        return new ZoneClock([.. spans]);
    }

    /// <summary>The first second of the new offset: clocks change at whole seconds.</summary>
    private static long ChangeWithin(TimeZoneInfo zone, long before, long after)
    {
        long old = OffsetAt(zone, before);
        while (after - before > SecondMicros)
        {
            long middle = before + ((after - before) / SecondMicros / 2 * SecondMicros);
            (before, after) = OffsetAt(zone, middle) == old ? (middle, after) : (before, middle);
        }

        return after;
    }

    private static long OffsetAt(TimeZoneInfo zone, long micros) =>
        zone.GetUtcOffset(new DateTime(DateTime.UnixEpoch.Ticks + (micros * TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc)).Ticks / TimeSpan.TicksPerMicrosecond;
}
