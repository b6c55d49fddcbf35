using System.Globalization;

namespace OrleansFeatures.Server.Load.Report;

/// <summary>Figures as tables and pages show them.</summary>
internal static class LoadText
{
    /// <summary>Three digits and a unit: "812 us", "4.07 ms", "1.20 s".</summary>
    public static string Of(TimeSpan duration) => duration.TotalMicroseconds switch
    {
        < 1_000 => Text(duration.TotalMicroseconds, "us", 0),
        < 10_000 => Text(duration.TotalMilliseconds, "ms", 2),
        < 100_000 => Text(duration.TotalMilliseconds, "ms", 1),
        < 1_000_000 => Text(duration.TotalMilliseconds, "ms", 0),
        _ => Text(duration.TotalSeconds, "s", 2),
    };

    public static string Of(TimeSpan? duration) => duration is { } known ? Of(known) : "-";

    public static string Rate(double perSecond) => perSecond.ToString(perSecond < 10 ? "0.#" : "N0", CultureInfo.InvariantCulture);

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    public static string Percentile(double percentile) => string.Create(CultureInfo.InvariantCulture, $"p{percentile}");

    private static string Text(double number, string unit, int digits) => $"{number.ToString($"F{digits}", CultureInfo.InvariantCulture)} {unit}";
}
