using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Corruption;

/// <summary>Damage that is skipped on request: decided once, durably, and nothing more is given up than was damaged.</summary>
public class SkippingTests
{
    private static LogOptions Skip => SampleLog.Options with { Recovery = DamageRecovery.Skip };

    [Fact]
    public async Task A_sound_log_opens_as_ever_and_loses_nothing()
    {
        var sample = await SampleLog.Write();
        var device = sample.Device();
        await using (var log = LogTestKit.Open(Skip, device))
        {
            log.Losses.ShouldBeNull();
            log.KnownGaps.ShouldBeEmpty();
            log.ReadAll().ShouldBe(sample.Records);
        }

        foreach (var (name, bytes) in sample.Files)
        {
            device.Files[name].ShouldBe(bytes, name);
        }
    }

    [Fact]
    public async Task The_report_says_what_is_lost_and_where()
    {
        var sample = await SampleLog.Write();
        var (device, _) = Damaged(sample);
        await using var log = LogTestKit.Open(Skip, device);
        var losses = log.Losses.ShouldNotBeNull();
        losses.Records.ShouldBe(SampleLog.RecordsPerGroup);
        losses.SetAside.ShouldBeEmpty();
        losses.ToString().ShouldContain("a frame's checksum does not match. It concerns 3 records, sequences 3 to 5; partition 0: offset 2, partition 1: offsets 1 to 2; written 2026-01-02T00:00:00.000Z to 2026-01-02T00:00:02.000Z.");
        log.KnownGaps.ShouldHaveSingleItem().ToString().ShouldBe(losses.Damage.ShouldHaveSingleItem().ToString());
        using var lookup = log.Lookup();
        Should.Throw<LogGapException>(() => { lookup.Find(new LogSequence(4)); }).Message.ShouldContain("Record 4 is lost with damage that was skipped. /memory/segment-000000000001.log, bytes");
    }

    [Fact]
    public async Task A_crash_at_any_step_leaves_the_log_damaged_as_before_or_skipped()
    {
        var sample = await SampleLog.Write();
        var (refusals, openings) = (0, 0);
        for (var step = 1; ; step++)
        {
            for (var seed = 0; seed < 10; seed++)
            {
                var (device, kept) = DamagedAtTheEnd(sample, seed);
                device.PowerLossAt = device.Operations + step;
                try
                {
                    await using var log = LogTestKit.Open(Skip, device);
                    refusals.ShouldBeGreaterThan(0);
                    openings.ShouldBeGreaterThan(0);
                    return; // So many steps does an opening not take.
                }
                catch (IOException)
                {
                    // The loss of power that the test asked for.
                }

                device.RestartMachine(survival: seed % 4 / 3.0);
                try
                {
                    await using var log = LogTestKit.Open(SampleLog.Options, device);
                    log.KnownGaps.ShouldNotBeEmpty();
                    openings++;
                }
                catch (LogCorruptException)
                {
                    refusals++;
                }

                await using var again = LogTestKit.Open(Skip, device);
                again.ReadAll().ShouldBe(kept, $"step {step}, seed {seed}");
                (await again.Append((0, "goes on"))).First.Value.ShouldBeGreaterThanOrEqualTo(sample.Records.Count);
            }
        }
    }

    [Fact]
    public async Task New_damage_after_a_skip_is_refused_and_skipped_in_its_turn()
    {
        var sample = await SampleLog.Write();
        var (device, kept) = Damaged(sample);
        await using (var log = LogTestKit.Open(Skip, device))
        {
            log.ReadAll().ShouldBe(kept);
        }

        var next = sample.Frames(LogFiles.Segment(1)).Single(frame => frame.Kind == FrameKind.Record && frame.Sequence == 7);
        device.Flip(LogFiles.Segment(1), next.Position + 28, 1);
        Should.Throw<LogCorruptException>(() => LogTestKit.Open(SampleLog.Options, device)).FirstSequence.Value.ShouldBe(7);
        await using (var log = LogTestKit.Open(Skip, device))
        {
            log.Losses.ShouldNotBeNull().Damage.ShouldHaveSingleItem().First.Value.ShouldBe(6);
            log.KnownGaps.Select(gap => (gap.First.Value, gap.Next.Value)).ShouldBe([(3L, 6L), (6L, 9L)]);
            log.ReadAll().ShouldBe(kept.Where(record => record.Sequence is < 6 or >= 9));
        }

        // Damage to a header that was sound when the gaps behind it were found.
        device.Flip(LogFiles.Segment(1), 9, 1);
        await using (var log = LogTestKit.Open(Skip, device))
        {
            log.KnownGaps.Length.ShouldBe(3);
            log.KnownGaps[0].Records.ShouldBe(0);
            log.ReadAll().ShouldBe(kept.Where(record => record.Sequence is < 6 or >= 9));
        }
    }

    [Fact]
    public async Task Gaps_go_with_the_segments_that_a_truncation_drops()
    {
        var sample = await SampleLog.Write();
        var (device, _) = Damaged(sample);
        device.Delete(LogFiles.Segment(2));
        await using (var log = LogTestKit.Open(Skip, device))
        {
            log.KnownGaps.Select(gap => gap.Segment).ShouldBe([1L, 2L]);
            log.Segments.Select(segment => segment.Number).ShouldNotContain(2);
            var third = log.Segments.Single(segment => segment.Number == 3);
            log.Truncate(third.First, long.MaxValue).Select(segment => segment.Number).ShouldBe([1L]);
            log.KnownGaps.ShouldBeEmpty();
            log.FirstSequence.ShouldBe(third.First);
        }

        await using var again = LogTestKit.Open(SampleLog.Options, device);
        again.KnownGaps.ShouldBeEmpty();
        Manifest.Read(device, LogFiles.Manifest).Version.ShouldBe(1);
        again.ReadAll(again.FirstSequence.Value).ShouldBe(sample.Records[(int)again.FirstSequence.Value..]);
    }

    [Fact]
    public async Task A_segment_that_lost_all_its_groups_does_not_stay_for_ever()
    {
        var sample = await SampleLog.Write();
        var header = SegmentHeader.Bytes(SampleLog.Partitions);
        var device = SampleLog.Device(sample.With(LogFiles.Segment(1), bytes => bytes[..header]));
        await using var log = LogTestKit.Open(Skip, device);
        log.Truncate(log.Segments[1].First, long.MaxValue).ShouldHaveSingleItem().Number.ShouldBe(1);
    }

    [Fact]
    public async Task A_full_disk_leaves_the_log_as_damaged_as_it_was()
    {
        var sample = await SampleLog.Write();
        var (device, kept) = DamagedAtTheEnd(sample, 1);
        var before = device.Files;
        device.Capacity = device.UsedBytes;
        Should.Throw<LogFullException>(() => LogTestKit.Open(Skip, device));
        foreach (var (name, bytes) in before)
        {
            device.Files[name].ShouldBe(bytes, name);
        }

        device.Capacity = long.MaxValue;
        await using var log = LogTestKit.Open(Skip, device);
        log.ReadAll().ShouldBe(kept);
    }

    [Fact]
    public void What_cannot_be_saved_is_refused_even_then()
    {
        var device = SampleLog.Device(new() { [LogFiles.Manifest] = [1, 2, 3], [LogFiles.Segment(7)] = [4, 5, 6] });
        Should.Throw<LogCorruptException>(() => LogTestKit.Open(Skip, device)).File.ShouldEndWith(LogFiles.Manifest);
        device.Files[LogFiles.Segment(7)].ShouldBe([4, 5, 6]);
        device.Files[LogFiles.Manifest].ShouldBe([1, 2, 3]);
    }

    [Fact]
    public async Task An_only_segment_without_its_header_is_saved_only_if_it_shows_where_every_partition_stands()
    {
        var sample = await SampleLog.Write();
        var last = sample.Files.Keys.Max(name => LogFiles.SegmentNumber(name) ?? 0);
        var device = sample.Device();
        await using (var log = LogTestKit.Open(SampleLog.Options, device))
        {
            log.Truncate(LogTestKit.End, long.MaxValue);
        }

        device.Flip(LogFiles.Segment(last), 20, 0);
        var first = sample.Frames(LogFiles.Segment(last))[0].Sequence;
        await using (var log = LogTestKit.Open(Skip, SampleLog.Device(device.Files.ToDictionary())))
        {
            log.ReadAll(first).ShouldBe(sample.Records[(int)first..]);
            (await log.Append((0, "x"))).First.Value.ShouldBe(sample.Records.Count);
            log.DurableOffset(new PartitionId(0)).Value.ShouldBe(sample.Records.Count(record => record.Partition == 0));
        }

        // A segment in which a partition has no record does not show where that one stands.
        foreach (var partitions in new[] { 2, 1 })
        {
            var lonely = new FaultyLogDevice(1);
            await using (var log = LogTestKit.Open(SampleLog.Options, lonely))
            {
                await log.Append((0, new string('x', Limits.SegmentBytesMin)), (1, "b"));
                await log.Append([.. Enumerable.Range(0, partitions).Select(partition => (partition, "c"))]);
                log.Truncate(LogTestKit.End, long.MaxValue);
            }

            lonely.Flip(LogFiles.Segment(2), 20, 0);
            if (partitions == 2)
            {
                await using var log = LogTestKit.Open(Skip, lonely);
                (await log.Append((1, "d"))).First.Value.ShouldBe(4);
                log.DurableOffset(new PartitionId(1)).Value.ShouldBe(2);
            }
            else
            {
                Should.Throw<LogCorruptException>(() => LogTestKit.Open(Skip, lonely));
            }
        }
    }

    [Fact]
    public async Task A_manifest_made_anew_is_told_of_and_the_damaged_one_is_kept()
    {
        var sample = await SampleLog.Write();
        byte[] damaged = [.. sample.Files[LogFiles.Manifest].Reverse()];
        var device = SampleLog.Device(sample.With(LogFiles.Manifest, _ => damaged));
        await using var log = LogTestKit.Open(Skip, device);
        var losses = log.Losses.ShouldNotBeNull();
        losses.ToString().ShouldContain("it was made anew from the segments");
        device.Files[Path.GetFileName(losses.SetAside.ShouldHaveSingleItem())].ShouldBe(damaged);
        log.ReadAll().ShouldBe(sample.Records);
        LogInspection.Run(SampleLog.Directory, device, LogVerification.All, cancellationToken: TestContext.Current.CancellationToken).OtherFiles.ShouldBe(["log.manifest.damaged"]);
    }

    /// <summary>The second group of the first segment is hit: records 3 to 5.</summary>
    private static (FaultyLogDevice Device, List<Seen> Kept) Damaged(SampleLog sample)
    {
        var device = sample.Device();
        device.Flip(LogFiles.Segment(1), sample.Frames(LogFiles.Segment(1)).Single(frame => frame.Kind == FrameKind.Record && frame.Sequence == 4).Position + 28, 2);
        return (device, [.. sample.Records.Where(record => record.Sequence is < 3 or > 5)]);
    }

    /// <summary>The first group of the last segment is hit, so that the log has to go on in a new one.</summary>
    private static (FaultyLogDevice Device, List<Seen> Kept) DamagedAtTheEnd(SampleLog sample, int seed)
    {
        var last = LogFiles.Segment(sample.Files.Keys.Max(name => LogFiles.SegmentNumber(name) ?? 0));
        var record = sample.Frames(last).First(frame => frame.Kind == FrameKind.Record);
        var device = new FaultyLogDevice(seed);
        device.SetFiles(sample.Files.Select(file => KeyValuePair.Create(file.Key, file.Value.ToArray())));
        device.Flip(last, record.Position + 30, 2);
        return (device, [.. sample.Records.Where(kept => kept.Sequence < record.Sequence || kept.Sequence >= record.Sequence + SampleLog.RecordsPerGroup)]);
    }
}
