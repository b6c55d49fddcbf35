using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Inspection;

/// <summary>An inspection changes nothing, finds everything, and disturbs nobody.</summary>
public class LogInspectionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(LogVerification.All)]
    [InlineData(LogVerification.LastSegment)]
    public async Task A_sound_log_is_described_segment_by_segment(LogVerification depth)
    {
        var sample = await SampleLog.Write();
        var report = LogInspection.Run(SampleLog.Directory, sample.Device(), depth, cancellationToken: Token);

        report.IsSound.ShouldBeTrue();
        report.Records.ShouldBe(sample.Records.Count);
        report.PartitionCount.ShouldBe(SampleLog.Partitions);
        report.FormatVersion.ShouldBe(1);
        report.OtherFiles.ShouldBeEmpty();
        report.Segments.Length.ShouldBeGreaterThan(3);
        report.Bytes.ShouldBe(sample.Files.Where(file => LogFiles.SegmentNumber(file.Key) is not null).Sum(file => file.Value.Length));
        var next = 0L;
        foreach (var segment in report.Segments)
        {
            var frames = sample.Frames(LogFiles.Segment(segment.Number));
            segment.First.Value.ShouldBe(next);
            segment.Records.ShouldBe(frames.Count(frame => frame.Kind == FrameKind.Record));
            segment.IsSealed.ShouldBe(segment.Number < report.Segments.Length);
            segment.FirstGroupMicros.ShouldBe(SampleLog.MicrosOf(next));
            segment.LastGroupMicros.ShouldBe(SampleLog.MicrosOf(segment.Next.Value - 1));
            (segment.Groups ?? frames.Count(frame => frame.Kind == FrameKind.Group)).ShouldBe(frames.Count(frame => frame.Kind == FrameKind.Group));
            segment.UnfinishedBytes.ShouldBe(0);
            next = segment.Next.Value;
        }

        next.ShouldBe(sample.Records.Count);
    }

    [Fact]
    public async Task All_damage_is_found_with_its_records_offsets_and_times()
    {
        var sample = await SampleLog.Write();
        var (first, second) = (LogFiles.Segment(1), LogFiles.Segment(2));
        var hit = sample.Frames(first).First(frame => frame.Kind == FrameKind.Record && frame.Sequence == 4);
        var group = sample.Frames(first).Single(frame => frame.Kind == FrameKind.Group && frame.Sequence == 3);
        var behind = sample.Frames(first).Single(frame => frame.Kind == FrameKind.Group && frame.Sequence == 6);
        var footer = sample.Frames(second)[^1];
        var files = sample.With(first, bytes => { bytes[hit.Position + 30] ^= 1; return bytes; });
        files[second] = [.. files[second]];
        files[second][footer.Position + 5] ^= 1;

        var report = LogInspection.Run(SampleLog.Directory, SampleLog.Device(files), LogVerification.All, cancellationToken: Token);

        report.Damage.Length.ShouldBe(2);
        var lost = report.Damage[0];
        lost.File.ShouldBe(Path.Combine(SampleLog.Directory, first));
        (lost.FromByte, lost.ToByte).ShouldBe((group.Position, behind.Position));
        (lost.First, lost.Next, lost.IsExact).ShouldBe((new LogSequence(3), new LogSequence(6), true));
        lost.Reason.ShouldBe("a frame's checksum does not match");
        Offsets(lost).ShouldBe(sample.Records[3..6].Select(record => (record.Partition, record.Offset)).Order());
        lost.AfterMicros.ShouldBe(SampleLog.MicrosOf(0));
        lost.BeforeMicros.ShouldBe(SampleLog.MicrosOf(6));
        lost.ToString().ShouldContain("3 records, sequences 3 to 5; partition 0: offset");

        var end = report.Damage[1];
        (end.FromByte, end.ToByte, end.Records).ShouldBe((footer.Position, LogDamage.EndOfFile, 0));
        report.Records.ShouldBe(sample.Records.Count - 3);
    }

    [Fact]
    public async Task A_running_log_is_inspected_from_outside_while_it_grows_seals_and_drops()
    {
        using var directory = new TempDirectory();
        var options = SampleLog.Options with { Directory = directory };
        await using var log = LogTestKit.Open(options);
        var appender = Task.Run(async () =>
        {
            for (var i = 0; i < 1_500; i++)
            {
                await log.Append((0, new string('x', 200 + (i % 300))), (1, "tail"));
                if (i % 50 == 49)
                {
                    log.Truncate(new LogSequence(log.DurableSequence.Value - 100), long.MaxValue);
                }
            }
        }, Token);

        var inspections = 0;
        while (!appender.IsCompleted)
        {
            var least = log.DurableSequence.Value;
            var depth = inspections % 2 == 0 ? LogVerification.All : LogVerification.LastSegment;
            var report = inspections % 3 == 0 ? log.Verify(cancellationToken: Token) : LogInspection.Run(directory, new FileLogDevice(), depth, cancellationToken: Token);
            report.Damage.ShouldBeEmpty();
            if (log.FirstSequence.Value <= least)
            {
                report.Segments[^1].Next.Value.ShouldBeGreaterThan(least); // Otherwise the inspection was so slow that all it had listed was dropped.
            }

            inspections++;
        }

        await appender;
        inspections.ShouldBeGreaterThan(3);
    }

    [Fact]
    public async Task An_unfinished_group_at_the_end_is_no_damage()
    {
        var sample = await SampleLog.Write();
        var last = sample.Files.Keys.Max(name => LogFiles.SegmentNumber(name) ?? 0);
        var files = sample.With(LogFiles.Segment(last), bytes => [.. bytes, .. bytes[^200..]]);
        var report = LogInspection.Run(SampleLog.Directory, SampleLog.Device(files), LogVerification.All, cancellationToken: Token);
        report.IsSound.ShouldBeTrue();
        report.Segments[^1].UnfinishedBytes.ShouldBe(200);
        report.Records.ShouldBe(sample.Records.Count);
    }

    [Fact]
    public async Task Progress_rises_to_all_bytes_and_an_inspection_can_be_cancelled()
    {
        var sample = await SampleLog.Write(groups: 300);
        var seen = new Reports();
        var report = LogInspection.Run(SampleLog.Directory, sample.Device(), LogVerification.All, seen, Token);
        seen.All.Select(progress => progress.BytesRead).ShouldBeInOrder();
        seen.All[^1].BytesRead.ShouldBe(report.Bytes);
        seen.All.ShouldAllBe(progress => progress.BytesTotal == report.Bytes);

        using var cancelled = new CancellationTokenSource();
        var large = await LargeSegment();
        await cancelled.CancelAsync();
        Should.Throw<OperationCanceledException>(() => LogInspection.Run(SampleLog.Directory, large, LogVerification.All, null, cancelled.Token));
    }

    [Fact]
    public void A_directory_without_a_log_is_refused_by_name()
    {
        using var directory = new TempDirectory();
        Should.Throw<LogIncompatibleException>(() => LogInspection.Run(directory, new FileLogDevice(), LogVerification.All, null, Token)).Message.ShouldContain("there is no log here");
    }

    internal static IEnumerable<(int Partition, long Offset)> Offsets(LogDamage damage) =>
        damage.Offsets.SelectMany(lost => Enumerable.Range(0, (int)(lost.Next.Value - lost.First.Value)).Select(i => (lost.Partition.Value, lost.First.Value + i))).Order();

    /// <summary>One segment of more frames than lie between two looks at the cancellation.</summary>
    private static async Task<ILogDevice> LargeSegment()
    {
        var device = new FaultyLogDevice(1);
        await using var log = LogTestKit.Open(SampleLog.Options with { SegmentBytesMax = 1024 * 1024 }, device);
        await log.Append([.. Enumerable.Range(0, 5_000).Select(i => (0, $"{i}"))]);
        return device;
    }

    private sealed class Reports : IProgress<InspectionProgress>
    {
        public List<InspectionProgress> All { get; } = [];

        public void Report(InspectionProgress value) => All.Add(value);
    }
}
