using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

/// <summary>Old segments go, whole, from the oldest on; what stays is as it was, whatever happens in between.</summary>
public class TruncationTests
{
    private const long AnyAge = long.MaxValue;
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static LogOptions Options => LogTestKit.Options("/memory", partitions: 2, segmentBytes: Limits.SegmentBytesMin);

    [Theory]
    [InlineData(LogVerification.All)]
    [InlineData(LogVerification.LastSegment)]
    public async Task Segments_wholly_before_the_sequence_go_and_offsets_stay(LogVerification verification)
    {
        var device = new FaultyLogDevice(1);
        List<Seen> all;
        await using (var log = LogTestKit.Open(Options, device))
        {
            await Fill(log, 10);
            all = log.ReadAll();
            var third = log.Segments[2];
            log.Truncate(new LogSequence(third.Next.Value - 1), AnyAge).Select(segment => segment.Number).ShouldBe([1L, 2L]);
            log.FirstSequence.ShouldBe(third.First);
            log.BytesOnDisk.ShouldBe(log.Segments.Sum(segment => segment.Bytes));
            log.ReadAll(third.First.Value).ShouldBe(all[(int)third.First.Value..]);
            log.Truncate(third.First, AnyAge).ShouldBeEmpty();
            await log.Append((0, "goes on"));
        }

        device.Files.Keys.Select(LogFiles.SegmentNumber).OfType<long>().Min().ShouldBe(3);
        await using var again = LogTestKit.Open(Options with { Verification = verification }, device);
        again.FirstSequence.Value.ShouldBeGreaterThan(0);
        again.ReadAll(again.FirstSequence.Value).ShouldBe([.. all[(int)again.FirstSequence.Value..], new Seen(all.Count, 0, all.Count / 2, "goes on")]);
        again.DurableOffset(new PartitionId(1)).Value.ShouldBe((all.Count / 2) - 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Segments_go_only_when_their_last_group_is_old_enough_and_never_out_of_order(bool reopened)
    {
        var device = new FaultyLogDevice(1);
        var clock = new SetClock(Start);
        var options = Options with { Verification = LogVerification.LastSegment };
        var log = EventLog.Open(options, device, clock);
        foreach (var hours in new[] { 0, 1, 2, -30, 3 })
        {
            clock.Now = Start.AddHours(hours);
            await Fill(log, 1);
        }

        if (reopened)
        {
            await log.DisposeAsync();
            log = EventLog.Open(options, device, clock);
        }

        await using var owned = log;
        long At(double hours) => (long)(Start.AddHours(hours) - DateTimeOffset.UnixEpoch).TotalMicroseconds;
        log.Segments.Select(segment => segment.LastGroupMicros).ShouldBe([At(0), At(1), At(2), At(-30), At(3)]);
        log.Segments.Select(segment => segment.IsSealed).ShouldBe([true, true, true, true, false]);
        log.Droppable(log.DurableSequence, At(0)).ShouldBeEmpty();
        log.Droppable(log.DurableSequence, At(0.5)).Select(segment => segment.Number).ShouldBe([1L]);
        log.Droppable(log.Segments[1].First, At(9)).Select(segment => segment.Number).ShouldBe([1L]);
        log.Droppable(LogTestKit.End, At(1.5)).Select(segment => segment.Number).ShouldBe([1L, 2L], "the fourth is older, but the third is not");
        log.Droppable(LogTestKit.End, At(9)).Select(segment => segment.Number).ShouldBe([1L, 2L, 3L, 4L], "the segment being written stays");
        log.FirstSequence.Value.ShouldBe(0, "asking drops nothing");
    }

    [Fact]
    public async Task The_last_segment_stays_even_when_it_is_sealed_and_nothing_follows()
    {
        var device = new FaultyLogDevice(1);
        await using (var log = LogTestKit.Open(Options, device))
        {
            await Fill(log, 3);
        }

        var last = LogFiles.Segment(device.Files.Keys.Max(name => LogFiles.SegmentNumber(name) ?? 0));
        device.SetFiles(device.Files.Where(file => file.Key != last && file.Key != LogFiles.DurableMark)
            .Select(file => file.Key == LogFiles.Manifest ? KeyValuePair.Create(file.Key, (Manifest.Read(device, file.Key) with { LastSegment = 2 }).Encode()) : file));
        await using (var log = LogTestKit.Open(Options, device))
        {
            log.Segments.Select(segment => segment.IsSealed).ShouldBe([true, true]);
            log.Truncate(LogTestKit.End, AnyAge).Length.ShouldBe(1);
            log.Truncate(LogTestKit.End, AnyAge).ShouldBeEmpty();
        }

        await using var again = LogTestKit.Open(Options, device);
        (await again.Append((0, "x"))).First.ShouldBe(new LogSequence(again.FirstSequence.Value + 2));
    }

    [Fact]
    public async Task Reading_what_was_dropped_says_that_the_history_was_cut()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(Options with { Directory = directory });
        await Fill(log, 6);
        using var lookup = log.Lookup();
        lookup.Find(new LogSequence(0)).Sequence.ShouldBe(new LogSequence(0));
        var seen = new List<Seen>();
        var dropping = new DropWhileReading(log, seen);
        var during = Should.Throw<LogTruncatedException>(() => log.Read(new LogSequence(0), LogTestKit.End, ref dropping, TestContext.Current.CancellationToken));
        seen.Select(record => record.Sequence).ShouldBe([0L, 1L], "the segment that was open was read to its end");
        during.FirstSequence.ShouldBe(log.FirstSequence);

        var first = log.FirstSequence.Value;
        first.ShouldBe(log.DurableSequence.Value - 1);
        Should.Throw<LogTruncatedException>(() => log.ReadAll(first - 1)).Wanted.ShouldBe(new LogSequence(first - 1));
        foreach (var sequence in new[] { 0, first - 1 })
        {
            Should.Throw<LogTruncatedException>(() => { lookup.Find(new LogSequence(sequence)); }).Message.ShouldContain($"before sequence {first}");
        }

        lookup.Find(new LogSequence(first)).Sequence.Value.ShouldBe(first);
        Should.Throw<ArgumentOutOfRangeException>(() => log.ReadAll(-1));
    }

    [Fact]
    public async Task A_crash_at_any_step_leaves_the_log_as_before_or_as_after()
    {
        var (before, after, steps) = (0, 0, await Steps());
        for (var step = 1; step <= steps; step++)
        {
            for (var seed = 0; seed < 20; seed++)
            {
                var device = new FaultyLogDevice(seed);
                var log = LogTestKit.Open(Options, device);
                await Fill(log, 4);
                await log.Quiet(device);
                var all = log.ReadAll();
                var target = log.Segments[2].First;
                device.PowerLossAt = device.Operations + step;
                Should.Throw<LogTruncationException>(() => log.Truncate(target, AnyAge), $"step {step}");
                await log.DisposeAsync();

                device.RestartMachine(survival: seed % 4 / 3.0);
                await using var again = LogTestKit.Open(Options, device);
                again.FirstSequence.ShouldBeOneOf(new LogSequence(0), target);
                again.ReadAll(again.FirstSequence.Value).ShouldBe(all[(int)again.FirstSequence.Value..], $"step {step}, seed {seed}");
                (before, after) = again.FirstSequence == target ? (before, after + 1) : (before + 1, after);
                device.Files.Keys.Select(LogFiles.SegmentNumber).OfType<long>().Order().ShouldBe(again.Segments.Select(segment => segment.Number));
                again.Truncate(target, AnyAge);
                again.FirstSequence.ShouldBe(target);
                (await again.Append((0, "goes on"))).First.Value.ShouldBe(all.Count);
            }
        }

        before.ShouldBeGreaterThan(0);
        after.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_disk_that_fails_at_any_step_never_poisons_and_the_next_truncation_finishes()
    {
        var steps = await Steps();
        for (var step = 1; step <= steps; step++)
        {
            var device = new FaultyLogDevice(step);
            List<Seen> all;
            LogSequence target;
            await using (var log = LogTestKit.Open(Options, device))
            {
                await Fill(log, 4);
                await log.Quiet(device);
                target = log.Segments[2].First;
                device.FailAt = device.Operations + step;
                Should.Throw<LogTruncationException>(() => log.Truncate(target, AnyAge), $"step {step}").Message.ShouldContain("ppends go on");
                log.Poisoned.ShouldBeNull();
                await Fill(log, 2);
                log.Truncate(target, AnyAge);
                log.FirstSequence.ShouldBe(target, $"step {step}");
                device.Files.Keys.Select(LogFiles.SegmentNumber).OfType<long>().Order().ShouldBe(log.Segments.Select(segment => segment.Number));
                all = log.ReadAll(target.Value);
            }

            device.RestartMachine(survival: 0);
            await using var again = LogTestKit.Open(Options, device);
            again.FirstSequence.ShouldBe(target);
            again.ReadAll(target.Value).ShouldBe(all);
        }
    }

    [Fact]
    public async Task Appends_and_readers_go_on_while_segments_are_dropped()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(Options with { Directory = directory });
        var appender = Task.Run(() => Fill(log, 150), TestContext.Current.CancellationToken);
        var readings = 0;
        while (!appender.IsCompleted)
        {
            log.Truncate(new LogSequence(log.DurableSequence.Value - 20), AnyAge);
            var first = log.FirstSequence.Value;
            var seen = log.ReadAll(first);
            seen.Select(record => record.Sequence).ShouldBe(Enumerable.Range(0, seen.Count).Select(i => first + i));
            readings++;
        }

        await appender;
        readings.ShouldBeGreaterThan(0);
        log.Truncate(LogTestKit.End, AnyAge);
        log.Segments.Length.ShouldBe(1);
        log.DurableSequence.Value.ShouldBe(299);
    }

    [Fact]
    public async Task A_closed_log_truncates_nothing()
    {
        var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        await Fill(log, 3);
        await log.DisposeAsync();
        Should.Throw<ObjectDisposedException>(() => log.Truncate(LogTestKit.End, AnyAge));
    }

    /// <summary>Two records for each segment: one in each partition.</summary>
    private static async Task Fill(EventLog log, int segments)
    {
        for (var i = 0; i < segments; i++)
        {
            await log.Append((0, new string('x', Limits.SegmentBytesMin / 2)), (1, "tail"));
        }
    }

    /// <summary>How many operations a truncation of two of four segments takes.</summary>
    private static async Task<int> Steps()
    {
        var device = new FaultyLogDevice(1);
        await using var log = LogTestKit.Open(Options, device);
        await Fill(log, 4);
        await log.Quiet(device);
        var before = device.Operations;
        log.Truncate(log.Segments[2].First, AnyAge).Length.ShouldBe(2);
        return device.Operations - before;
    }

    private readonly struct DropWhileReading(EventLog log, List<Seen> seen) : ILogVisitor
    {
        public bool Visit(LogRecord record)
        {
            seen.Add(Seen.Of(record));
            log.Truncate(log.DurableSequence, AnyAge);
            return true;
        }
    }
}
