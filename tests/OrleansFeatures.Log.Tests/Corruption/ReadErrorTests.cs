using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Corruption;

/// <summary>A disk that cannot read some blocks: named to whoever reads them, no trouble to anybody else, and skipped like other damage.</summary>
public class ReadErrorTests
{
    private const int BlockBytes = 4096;
    private const long SegmentBytes = 24 * 1024;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static LogOptions Options => SampleLog.Options with { SegmentBytesMax = SegmentBytes };

    [Fact]
    public async Task A_failing_read_names_its_place_poisons_nothing_and_works_again_when_the_disk_does()
    {
        var device = new FaultyLogDevice(1);
        await using var log = LogTestKit.Open(Options, device);
        for (var i = 0; i < 200; i++)
        {
            await log.Append((0, $"{i} {new string('x', 300)}"));
        }

        var (all, second) = (log.ReadAll(), log.Segments[1]);
        using var lookup = log.Lookup();
        lookup.Find(new LogSequence(0)).Sequence.Value.ShouldBe(0);
        device.CannotRead = (name, position, length) => name == LogFiles.Segment(2) && Hits(position, length, block: 2);

        var seen = new List<Seen>();
        var collect = new Collect(seen);
        var failed = Should.Throw<LogReadException>(() => log.Read(new LogSequence(0), LogTestKit.End, ref collect, Token));
        failed.File.ShouldBe(second.Path);
        failed.Message.ShouldContain("the disk could not read it");
        seen.ShouldBe(all.Take(seen.Count));
        seen.Count.ShouldBe((int)second.First.Value);
        Should.Throw<LogReadException>(() => { lookup.Find(new LogSequence(second.First.Value + 30)); }).File.ShouldBe(second.Path);
        lookup.Find(new LogSequence(0)).Sequence.Value.ShouldBe(0, "other segments are well");

        log.Poisoned.ShouldBeNull();
        (await log.Append((0, "goes on"))).First.Value.ShouldBe(200);
        device.CannotRead = null;
        log.ReadAll().Take(200).ShouldBe(all);
        lookup.Find(new LogSequence(second.First.Value + 30)).Sequence.Value.ShouldBe(second.First.Value + 30);
    }

    [Fact]
    public async Task Every_unreadable_block_is_found_by_verification_and_can_be_skipped_while_it_stays_unreadable()
    {
        var sample = await SampleLog.Write(groups: 120, SegmentBytes);
        foreach (var (name, bytes) in sample.Files.Where(file => LogFiles.SegmentNumber(file.Key) is not null))
        {
            for (var block = 0; block * BlockBytes < bytes.Length; block++)
            {
                await Check(sample, name, block);
            }
        }
    }

    [Fact]
    public async Task An_unreadable_manifest_is_refused_and_made_anew_when_asked()
    {
        var sample = await SampleLog.Write();
        var device = sample.Device();
        device.CannotRead = (name, _, _) => name == LogFiles.Manifest;
        Should.Throw<LogReadException>(() => LogTestKit.Open(SampleLog.Options, device)).File.ShouldEndWith(LogFiles.Manifest);
        device.CannotRead = (name, _, _) => name == LogFiles.Manifest && device.Files[name].AsSpan().SequenceEqual(sample.Files[name]) && !device.Files.ContainsKey(LogFiles.Manifest + ".damaged");
        await using var log = LogTestKit.Open(SampleLog.Options with { Recovery = DamageRecovery.Skip }, device);
        log.ReadAll().ShouldBe(sample.Records);
        log.Losses!.Damage.ShouldHaveSingleItem().File.ShouldEndWith(LogFiles.Manifest);
        device.Files[LogFiles.Manifest + ".damaged"].ShouldBe(sample.Files[LogFiles.Manifest]);
    }

    [Fact]
    public async Task An_unreadable_durable_mark_costs_nothing()
    {
        var sample = await SampleLog.Write();
        var device = sample.Device();
        device.CannotRead = (name, _, _) => name == LogFiles.DurableMark;
        await using var log = LogTestKit.Open(SampleLog.Options, device);
        log.ReadAll().ShouldBe(sample.Records);
    }

    private static async Task Check(SampleLog sample, string name, int block)
    {
        var what = $"{name}, block {block}";
        var device = sample.Device();
        await using (var log = LogTestKit.Open(Options, device))
        {
            device.CannotRead = (file, position, length) => file == name && Hits(position, length, block);
            var report = log.Verify(cancellationToken: Token);
            report.Damage.ShouldNotBeEmpty(what);
            report.Damage.ShouldAllBe(damage => damage.File.EndsWith(name) && damage.Reason.Contains("the disk cannot read it"), what);
        }

        Should.Throw<LogReadException>(() => LogTestKit.Open(Options, device), what).File.ShouldEndWith(name);
        await using (var log = LogTestKit.Open(Options with { Recovery = DamageRecovery.Skip }, device))
        {
            CheckShown(sample, log, what);
            await log.Append((0, "goes on"));
        }

        await using var again = LogTestKit.Open(Options with { Verification = LogVerification.LastSegment }, device);
        CheckShown(sample, again, what);
        again.Truncate(LogTestKit.End, long.MaxValue);
        again.Segments.Length.ShouldBe(1, what);
    }

    private static void CheckShown(SampleLog sample, EventLog log, string what)
    {
        var expected = sample.Records.Where(record => !log.KnownGaps.Any(gap => gap.First.Value <= record.Sequence && record.Sequence < gap.Next.Value)).ToList();
        expected.Count.ShouldBeGreaterThan(sample.Records.Count - 40, what);
        log.ReadAll().Take(expected.Count).ShouldBe(expected, what);
        using var lookup = log.Lookup();
        foreach (var record in expected)
        {
            Seen.Of(lookup.Find(new LogSequence(record.Sequence))).ShouldBe(record, what);
        }
    }

    private static bool Hits(long position, int length, int block) => position < (block + 1) * BlockBytes && position + length > block * BlockBytes;
}
