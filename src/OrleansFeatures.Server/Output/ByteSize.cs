using System.Globalization;

namespace OrleansFeatures.Server.Output;

/// <summary>Amounts of memory as people write them: 4GB, 512MB, 64KB, or bytes. A KB is 1,024 bytes, because that is how memory comes.</summary>
internal static class ByteSize
{
    private static readonly (string Unit, long Bytes)[] Units = [("TB", 1L << 40), ("GB", 1L << 30), ("MB", 1L << 20), ("KB", 1L << 10), ("B", 1)];

    /// <summary>A whole number or a decimal fraction, then a unit or none, which means bytes; more than nothing.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        (string unit, long scale) = Units.FirstOrDefault(unit => text.EndsWith(unit.Unit, StringComparison.OrdinalIgnoreCase), ("", 1));
        bytes = 0;
        if (!decimal.TryParse(text.AsSpan(0, text.Length - unit.Length).Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number) || number > long.MaxValue / scale)
        {
            return false;
        }

        bytes = (long)(number * scale);
        return bytes > 0;
    }

    /// <summary>In the largest unit that leaves at least one of it: "3.2 GB", "118 B".</summary>
    public static string Text(ulong bytes)
    {
        (string unit, long scale) = Units.FirstOrDefault(unit => bytes >= (ulong)unit.Bytes, Units[^1]);
        return scale == 1 ? $"{bytes} B" : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)scale:0.0} {unit}");
    }
}
