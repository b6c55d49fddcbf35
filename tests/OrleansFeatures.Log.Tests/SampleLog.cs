using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

/// <summary>
/// A small log for tests that damage it: two partitions, several segments, in each several groups of three records. A group was written every second.
/// </summary>
internal sealed class SampleLog
{
    public const string Directory = "/memory";
    public const int Partitions = 2;
    public const int RecordsPerGroup = 3;

    private static readonly DateTimeOffset Start = new(2026, 1, 2, 0, 0, 0, TimeSpan.Zero);

    private SampleLog(Dictionary<string, byte[]> files, List<Seen> records) => (Files, Records) = (files, records);

    public static LogOptions Options => LogTestKit.Options(Directory, Partitions, segmentBytes: Limits.SegmentBytesMin);

    /// <summary>After an orderly end.</summary>
    public Dictionary<string, byte[]> Files { get; }

    public List<Seen> Records { get; }

    public static async Task<SampleLog> Write(int groups = 24, long segmentBytes = Limits.SegmentBytesMin)
    {
        var device = new FaultyLogDevice(1);
        var clock = new SetClock(Start);
        await using var log = EventLog.Open(Options with { SegmentBytesMax = segmentBytes }, device, clock);
        for (var group = 0; group < groups; group++)
        {
            clock.Now = Start.AddSeconds(group);
            await log.Append((0, $"{group}a {new string('x', 300)}"), (group % 3 == 0 ? 0 : 1, $"{group}b"), (1, $"{group}c {new string('y', 100)}"));
        }

        var records = log.ReadAll();
        await log.DisposeAsync();
        return new SampleLog(device.Files.ToDictionary(), records);
    }

    /// <summary>When the group of a record was written.</summary>
    public static long MicrosOf(long sequence) => (long)(Start.AddSeconds(sequence / RecordsPerGroup) - DateTimeOffset.UnixEpoch).TotalMicroseconds;

    public FaultyLogDevice Device() => Device(Files);

    public static FaultyLogDevice Device(Dictionary<string, byte[]> files)
    {
        var device = new FaultyLogDevice(1);
        device.SetFiles(files.Select(file => KeyValuePair.Create(file.Key, file.Value.ToArray())));
        return device;
    }

    /// <summary>The files with one changed.</summary>
    public Dictionary<string, byte[]> With(string name, Func<byte[], byte[]> change) => new(Files) { [name] = change([.. Files[name]]) };

    public Dictionary<string, byte[]> Without(params string[] names) => Files.Where(file => !names.Contains(file.Key)).ToDictionary();

    /// <summary>Byte positions of the frames of a segment, by kind.</summary>
    public List<(int Position, FrameKind Kind, long Sequence)> Frames(string segment)
    {
        var bytes = Files[segment];
        var frames = new List<(int, FrameKind, long)>();
        for (var at = SegmentHeader.Bytes(Partitions); at < bytes.Length; at += (int)Frame.Length(bytes.AsSpan(at)))
        {
            frames.Add((at, Frame.Kind(bytes.AsSpan(at)), Frame.Sequence(bytes.AsSpan(at))));
        }

        return frames;
    }
}
