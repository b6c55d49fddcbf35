using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

/// <summary>The decision table of docs/log-format.md, row by row, on files whose every byte the test controls.</summary>
public class DamageTests
{
    private const string Directory = "/memory";
    private static readonly string Segment1 = LogFiles.Segment(1);
    private static readonly string Segment2 = LogFiles.Segment(2);
    private static readonly string Segment3 = LogFiles.Segment(3);

    private static LogOptions Options => LogTestKit.Options(Directory, partitions: 2, segmentBytes: Limits.SegmentBytesMin);

    [Fact]
    public async Task Every_flipped_bit_of_a_sealed_segment_is_refused_and_named()
    {
        var files = await TwoSegments();
        var segment = files[Segment1];
        for (var bit = 0; bit < segment.Length * 8; bit++)
        {
            var exception = Should.Throw<LogCorruptException>(() => Open(With(files, Segment1, Flip(segment, bit))), $"bit {bit}");
            exception.File.ShouldBe(Path.Combine(Directory, Segment1));
            exception.BytePosition.ShouldBeInRange(0, bit / 8, $"bit {bit}");
            exception.LastSequence.ShouldBe(new LogSequence(2));
        }
    }

    [Fact]
    public async Task Every_flipped_bit_of_the_last_segment_after_an_orderly_end_is_refused()
    {
        var files = await TwoGroups();
        var segment = files[Segment1];
        for (var bit = 0; bit < segment.Length * 8; bit++)
        {
            var exception = Should.Throw<LogCorruptException>(() => Open(With(files, Segment1, Flip(segment, bit))), $"bit {bit}");
            exception.File.ShouldBe(Path.Combine(Directory, Segment1));
        }
    }

    [Fact]
    public async Task Damage_before_a_sound_group_is_refused_even_without_the_durable_mark()
    {
        var files = await TwoGroups();
        var (segment, secondGroup) = (files[Segment1], GroupStarts(files[Segment1])[1]);
        for (var at = SegmentHeader.Bytes(2); at < secondGroup; at++)
        {
            var exception = Should.Throw<LogCorruptException>(() => Open(Without(With(files, Segment1, Flip(segment, at * 8 + at % 8)), LogFiles.DurableMark)), $"byte {at}");
            exception.BytePosition.ShouldBeInRange(SegmentHeader.Bytes(2), at);
        }
    }

    [Fact]
    public async Task A_group_torn_at_any_byte_is_cut_whole_and_the_log_goes_on()
    {
        var files = Without(await TwoGroups(), LogFiles.DurableMark);
        var (segment, secondGroup) = (files[Segment1], GroupStarts(files[Segment1])[1]);
        var random = new Random(7);
        for (var length = secondGroup; length < segment.Length; length++)
        {
            var rest = new byte[segment.Length - length];
            random.NextBytes(rest);
            byte[][] torn =
            [
                segment[..length],
                [.. segment[..length], .. new byte[segment.Length - length]],
                [.. segment[..length], .. rest],
                [.. segment[..length], (byte)~segment[length], .. segment[(length + 1)..]],
            ];
            foreach (var (form, bytes) in torn.Index())
            {
                var device = Device(With(files, Segment1, bytes));
                await using (var log = LogTestKit.Open(Options, device))
                {
                    log.ReadAll().Select(record => record.Payload).ShouldBe(["a", "b"], $"length {length}, form {form}");
                    (await log.Append((0, "again"))).First.ShouldBe(new LogSequence(2));
                }

                await using var reopened = LogTestKit.Open(Options, device);
                reopened.ReadAll().ShouldBe([new Seen(0, 0, 0, "a"), new Seen(1, 1, 0, "b"), new Seen(2, 0, 1, "again")]);
            }
        }
    }

    [Fact]
    public async Task An_acknowledged_group_cut_at_any_byte_is_refused_by_the_durable_mark()
    {
        var files = await TwoGroups();
        var segment = files[Segment1];
        for (var length = 0; length < segment.Length; length++)
        {
            Should.Throw<LogCorruptException>(() => Open(With(files, Segment1, segment[..length])), $"length {length}");
            Should.Throw<LogCorruptException>(() => Open(With(files, Segment1, [.. segment[..length], .. new byte[segment.Length - length]])), $"zeros from {length}");
        }
    }

    [Fact]
    public async Task A_torn_durable_mark_proves_nothing_and_costs_nothing()
    {
        var files = await TwoGroups();
        var mark = files[LogFiles.DurableMark];
        for (var length = 0; length <= mark.Length; length++)
        {
            await using var log = LogTestKit.Open(Options, Device(With(files, LogFiles.DurableMark, mark[..length])));
            log.DurableSequence.ShouldBe(new LogSequence(3));
        }
    }

    [Fact]
    public async Task A_sealed_segment_with_a_truncated_footer_is_refused()
    {
        var files = await TwoSegments();
        var segment = files[Segment1];
        for (var cut = 1; cut <= Frame.FooterBytes; cut++)
        {
            Should.Throw<LogCorruptException>(() => Open(With(files, Segment1, segment[..^cut])), $"{cut} bytes cut")
                .Message.ShouldContain(Segment1);
        }

        Should.Throw<LogCorruptException>(() => Open(With(files, Segment1, [.. segment, 0]))).BytePosition.ShouldBe(segment.Length);
    }

    [Fact]
    public async Task A_torn_footer_of_the_last_segment_is_cut_and_nothing_is_lost()
    {
        var files = Without(await TwoSegments(), Segment2, LogFiles.DurableMark);
        files = With(files, LogFiles.Manifest, Manifest.Read(Device(files), LogFiles.Manifest) with { LastSegment = 1 });
        var segment = files[Segment1];
        for (var cut = 0; cut <= Frame.FooterBytes; cut++)
        {
            await using var log = LogTestKit.Open(Options, Device(With(files, Segment1, segment[..^cut])));
            log.ReadAll().Select(record => record.Payload).ShouldBe(["a", "b", "c"], $"{cut} bytes cut");
            (await log.Append((1, "d"))).First.ShouldBe(new LogSequence(3));
        }
    }

    [Fact]
    public async Task An_empty_segment_is_refused_wherever_it_lies()
    {
        var files = await ThreeSegments();
        foreach (var name in new[] { Segment1, Segment2, Segment3 })
        {
            var exception = Should.Throw<LogCorruptException>(() => Open(With(files, name, [])));
            exception.File.ShouldEndWith(name);
            exception.Reason.ShouldBe("the segment is empty");
        }
    }

    [Fact]
    public async Task A_missing_segment_is_refused_wherever_it_lay()
    {
        var files = await ThreeSegments();
        foreach (var name in new[] { Segment1, Segment2, Segment3 })
        {
            Should.Throw<LogCorruptException>(() => Open(Without(files, name))).File.ShouldEndWith(name);
        }

        Should.Throw<LogCorruptException>(() => Open(Without(files, Segment1, Segment2, Segment3))).File.ShouldEndWith(Segment1);
        Should.Throw<LogCorruptException>(() => Open(Without(files, LogFiles.Manifest))).Reason.ShouldContain("the manifest is missing");
    }

    [Fact]
    public async Task A_last_segment_deleted_behind_an_old_manifest_is_missed_by_the_durable_mark()
    {
        var files = await ThreeSegments();
        var old = With(files, LogFiles.Manifest, Manifest.Read(Device(files), LogFiles.Manifest) with { LastSegment = 2 });
        Should.Throw<LogCorruptException>(() => Open(Without(old, Segment3))).File.ShouldEndWith(Segment3);
    }

    [Fact]
    public async Task Every_flipped_bit_of_the_manifest_is_refused()
    {
        var files = await TwoGroups();
        var manifest = files[LogFiles.Manifest];
        for (var bit = 0; bit < manifest.Length * 8; bit++)
        {
            Should.Throw<LogCorruptException>(() => Open(With(files, LogFiles.Manifest, Flip(manifest, bit))), $"bit {bit}").File.ShouldEndWith(LogFiles.Manifest);
        }
    }

    [Fact]
    public async Task A_segment_of_another_log_is_refused()
    {
        var (files, others) = (await ThreeSegments(), await ThreeSegments());
        foreach (var name in new[] { Segment1, Segment2, Segment3 })
        {
            Should.Throw<LogCorruptException>(() => Open(With(files, name, others[name]))).Reason.ShouldBe("the segment belongs to another log");
        }
    }

    [Fact]
    public async Task Replay_refuses_damage_that_came_after_opening_and_shows_what_lies_before()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory));
        for (var i = 0; i < 10; i++)
        {
            await log.Append((0, $"record {i}"));
        }

        var path = Path.Combine(directory, Segment1);
        using (var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            stream.Position = log.BytesOnDisk - 1;
            stream.WriteByte((byte)'!');
        }

        var seen = new List<Seen>();
        var collect = new Collect(seen);
        var exception = Should.Throw<LogCorruptException>(() => log.Read(new LogSequence(0), LogTestKit.End, ref collect, TestContext.Current.CancellationToken));
        exception.File.ShouldBe(path);
        exception.FirstSequence.ShouldBe(new LogSequence(9));
        exception.LastSequence.ShouldBe(new LogSequence(9));
        seen.Count.ShouldBe(9);
    }

    [Fact]
    public async Task Another_number_of_partitions_is_refused_as_incompatible()
    {
        var files = await TwoGroups();
        Should.Throw<LogIncompatibleException>(() => LogTestKit.Open(Options with { PartitionCount = 3 }, Device(files))).Message.ShouldContain("2 partitions");
    }

    [Fact]
    public async Task Leftovers_of_an_interrupted_change_of_segments_are_removed()
    {
        var files = await TwoGroups();
        var device = Device(With(With(files, Segment2 + ".new", [1, 2, 3]), LogFiles.Manifest + ".new", []));
        await using var log = LogTestKit.Open(Options, device);
        device.Files.Keys.ShouldNotContain(name => name.EndsWith(".new", StringComparison.Ordinal));
        log.DurableSequence.ShouldBe(new LogSequence(3));
    }

    /// <summary>One segment: a group of the records a and b, a group of c and d; closed in order.</summary>
    private static async Task<Dictionary<string, byte[]>> TwoGroups()
    {
        var device = new FaultyLogDevice(1);
        await using (var log = LogTestKit.Open(Options, device))
        {
            await log.Append((0, "a"), (1, "b"));
            await log.Append((0, "c"), (0, "d"));
        }

        return device.Files.ToDictionary();
    }

    /// <summary>A small sealed segment with the records a, b, c, and a second one with a large record.</summary>
    private static async Task<Dictionary<string, byte[]>> TwoSegments()
    {
        var device = new FaultyLogDevice(1);
        await using (var log = LogTestKit.Open(Options, device))
        {
            await log.Append((0, "a"), (1, "b"));
            await log.Append((0, "c"));
            await log.Append((0, new string('d', Limits.SegmentBytesMin)));
        }

        return device.Files.ToDictionary();
    }

    private static async Task<Dictionary<string, byte[]>> ThreeSegments()
    {
        var device = new FaultyLogDevice(1);
        await using (var log = LogTestKit.Open(Options, device))
        {
            for (var i = 0; i < 3; i++)
            {
                await log.Append((0, new string('d', Limits.SegmentBytesMin)));
            }
        }

        return device.Files.ToDictionary();
    }

    private static List<int> GroupStarts(byte[] segment)
    {
        var starts = new List<int>();
        for (var at = SegmentHeader.Bytes(2); at < segment.Length; at += (int)Frame.Length(segment.AsSpan(at)))
        {
            if (Frame.Kind(segment.AsSpan(at)) == FrameKind.Group)
            {
                starts.Add(at);
            }
        }

        return starts;
    }

    private static void Open(Dictionary<string, byte[]> files) => LogTestKit.Open(Options, Device(files)).DurableSequence.ShouldBe(LogSequence.None, "it opened");

    private static FaultyLogDevice Device(Dictionary<string, byte[]> files)
    {
        var device = new FaultyLogDevice(1);
        device.SetFiles(files);
        return device;
    }

    private static Dictionary<string, byte[]> With(Dictionary<string, byte[]> files, string name, byte[] content) => new(files) { [name] = content };

    private static Dictionary<string, byte[]> With(Dictionary<string, byte[]> files, string name, Manifest manifest) => With(files, name, manifest.Encode());

    private static Dictionary<string, byte[]> Without(Dictionary<string, byte[]> files, params string[] names) =>
        files.Where(file => !names.Contains(file.Key)).ToDictionary();

    private static byte[] Flip(byte[] bytes, int bit)
    {
        var flipped = bytes.ToArray();
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return flipped;
    }
}
