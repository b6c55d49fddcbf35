using System.Globalization;

namespace OrleansFeatures.Log.Format;

/// <summary>The names of the log's files. Names sort as numbers do.</summary>
internal static class LogFiles
{
    public const int Version = 1;
    public const string Manifest = "log.manifest";
    public const string DurableMark = "log.durable";
    public const string Lock = "log.lock";
    public const string NewSuffix = ".new";

    private const string SegmentPrefix = "segment-";
    private const string SegmentSuffix = ".log";

    public static string Segment(long number) =>
        string.Create(CultureInfo.InvariantCulture, $"{SegmentPrefix}{number:D12}{SegmentSuffix}");

    public static long? SegmentNumber(string name) =>
        name.StartsWith(SegmentPrefix, StringComparison.Ordinal) && name.EndsWith(SegmentSuffix, StringComparison.Ordinal)
        && long.TryParse(name.AsSpan()[SegmentPrefix.Length..^SegmentSuffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && Segment(number) == name
            ? number
            : null;

    /// <summary>Opens a file whose failing reads are <see cref="LogReadException"/>s that say where. A missing file stays a <see cref="FileNotFoundException"/>.</summary>
    public static ILogFile OpenForReading(ILogDevice device, string path)
    {
        try
        {
            return new ReadFile(device.Open(path, LogFileAccess.Read), path);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not FileNotFoundException))
        {
            throw new LogReadException(path, 0, e);
        }
    }

    /// <summary>Writes a whole small file so that after a crash there is the old one or the new one, never a part.</summary>
    public static void Replace(ILogDevice device, string directory, string name, ReadOnlyMemory<byte> content)
    {
        var path = Path.Combine(directory, name);
        using (var file = device.Open(path + NewSuffix, LogFileAccess.Create))
        {
            file.Write(0, [content]);
            file.Sync();
        }

        device.Rename(path + NewSuffix, path);
        device.SyncDirectory(directory);
    }
}
