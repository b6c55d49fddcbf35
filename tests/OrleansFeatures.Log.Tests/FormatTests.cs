using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

/// <summary>
/// The bytes of format versions 1 and 2, checked in: they must open for ever. They were written by <see cref="Write"/> and <see cref="WriteWithGap"/> and are never written again. Version 2 differs in the manifest only,
/// which then carries gaps.
/// </summary>
public class FormatTests
{
    private const string Directory = "/golden";
    private static readonly string Golden = Path.Combine(AppContext.BaseDirectory, "Golden", "version-1");
    private static readonly string GoldenWithGap = Path.Combine(AppContext.BaseDirectory, "Golden", "version-2");

    private static SetClock Clock => new(new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    private static LogOptions Options => LogTestKit.Options(Directory, partitions: 2, segmentBytes: Limits.SegmentBytesMin);

    private static readonly Seen[] Expected =
    [
        new(0, 0, 0, "alpha"), new(1, 1, 0, "beta"), new(2, 1, 1, ""), new(3, 0, 1, new string('g', Limits.SegmentBytesMin)), new(4, 0, 2, "delta"),
    ];

    [Fact]
    public async Task Files_of_version_1_open_and_show_their_records()
    {
        var device = new FaultyLogDevice(1);
        device.SetFiles(System.IO.Directory.GetFiles(Golden).Select(path => KeyValuePair.Create(Path.GetFileName(path), File.ReadAllBytes(path))));
        await using var log = LogTestKit.Open(Options, device);
        log.ReadAll().ShouldBe(Expected);
        log.StoreId.ShouldBe(new Guid("00112233-4455-6677-8899-aabbccddeeff"));
        log.DurableOffset(new PartitionId(0)).ShouldBe(new LogOffset(2));
        (await log.Append((1, "goes on"))).First.ShouldBe(new LogSequence(5));
    }

    [Fact]
    public async Task The_same_records_still_give_the_same_bytes()
    {
        var written = await Write();
        foreach (var path in System.IO.Directory.GetFiles(Golden))
        {
            Convert.ToHexString(written[Path.GetFileName(path)]).ShouldBe(Convert.ToHexString(File.ReadAllBytes(path)), Path.GetFileName(path));
        }

        written.Count.ShouldBe(System.IO.Directory.GetFiles(Golden).Length);
    }

    [Theory]
    [InlineData(LogVerification.All)]
    [InlineData(LogVerification.LastSegment)]
    public async Task Files_of_version_2_open_with_their_gaps_and_show_the_records_around_them(LogVerification verification)
    {
        var device = new FaultyLogDevice(1);
        device.SetFiles(System.IO.Directory.GetFiles(GoldenWithGap).Select(path => KeyValuePair.Create(Path.GetFileName(path), File.ReadAllBytes(path))));
        await using var log = LogTestKit.Open(Options with { Verification = verification }, device);
        log.ReadAll().ShouldBe([Expected[0], Expected[1], .. Expected[3..], new Seen(5, 1, 2, "behind the gap")]);
        log.Losses.ShouldBeNull();
        log.KnownGaps.Select(gap => gap.ToString()).ShouldBe(
        [
            "/golden/segment-000000000001.log, bytes 185 to 256: a frame's checksum does not match. It concerns 1 record, sequence 2; partition 1: offset 1; written from 2026-01-02T03:04:05.000Z on.",
            "/golden/segment-000000000003.log, bytes 0 to 75: the segment header's checksum does not match. It concerns no record.",
            "/golden/segment-000000000003.log, from byte 153 to its end: the segment was the last one when damage in it was skipped; another goes on behind it. It concerns no record.",
        ]);
        log.KnownGaps.ShouldAllBe(gap => gap.SkippedAtMicros == Clock.Micros);
    }

    [Fact]
    public async Task The_same_skipped_damage_still_gives_the_same_bytes()
    {
        var written = await WriteWithGap();
        foreach (var path in System.IO.Directory.GetFiles(GoldenWithGap))
        {
            Convert.ToHexString(written[Path.GetFileName(path)]).ShouldBe(Convert.ToHexString(File.ReadAllBytes(path)), Path.GetFileName(path));
        }

        written.Count.ShouldBe(System.IO.Directory.GetFiles(GoldenWithGap).Length);
    }

    [Fact]
    public void The_checksum_is_crc32c()
    {
        Crc32C.Of("123456789"u8).ShouldBe(0xE3069283u);
        Crc32C.Of(new byte[32]).ShouldBe(0x8A9136AAu);
        Crc32C.Of([.. Enumerable.Repeat((byte)0xFF, 32)]).ShouldBe(0x62A8AB43u);
        Crc32C.Before(Crc32C.Append(0xC0FFEEu, "run backwards"u8), "run backwards"u8).ShouldBe(0xC0FFEEu);
    }

    [Fact]
    public void Segment_names_are_read_back_and_no_other_name_is_taken_for_one()
    {
        LogFiles.SegmentNumber(LogFiles.Segment(42)).ShouldBe(42);
        foreach (var name in new[] { "segment-42.log", "segment-000000000042.log.new", "segment--00000000042.log", "log.manifest", "" })
        {
            LogFiles.SegmentNumber(name).ShouldBeNull(name);
        }
    }

    /// <summary>A log with a stated identity and a clock that stands still; opening adds no randomness.</summary>
    internal static async Task<IReadOnlyDictionary<string, byte[]>> Write()
    {
        var device = new FaultyLogDevice(1);
        device.SetFiles([KeyValuePair.Create(LogFiles.Manifest, new Manifest(new Guid("00112233-4455-6677-8899-aabbccddeeff"), 2, 1, 0).Encode())]);
        await using (var log = EventLog.Open(Options, device, Clock))
        {
            await log.Append((0, "alpha"), (1, "beta"));
            await log.Append((1, ""));
            await log.Append((0, new string('g', Limits.SegmentBytesMin)));
            await log.Append((0, "delta"));
        }

        return device.Files;
    }
    /// <summary>The same log with a flipped bit in its third record and one in the last segment's header, skipped, and one record behind.</summary>
    private static async Task<IReadOnlyDictionary<string, byte[]>> WriteWithGap()
    {
        var device = new FaultyLogDevice(1);
        device.SetFiles(await Write());
        device.Flip(LogFiles.Segment(1), 235, 3);
        device.Flip(LogFiles.Segment(3), 20, 0);
        await using (var log = EventLog.Open(Options with { Recovery = DamageRecovery.Skip }, device, Clock))
        {
            await log.Append((1, "behind the gap"));
        }

        return device.Files;
    }
}
