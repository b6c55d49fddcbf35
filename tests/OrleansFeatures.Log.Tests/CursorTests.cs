using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

/// <summary>A cursor reads what <see cref="EventLog.Read"/> would, however its reads and the appends fall together.</summary>
public class CursorTests
{
    private static LogOptions Options => LogTestKit.Options("/memory", partitions: 2, segmentBytes: Limits.SegmentBytesMin);

    /// <summary>Segments hold some forty groups: the cursor meets their ends in every way, with reads that stop early, at a limit, or at the end of the log.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task It_reads_on_over_all_segments_while_they_are_written(int seed)
    {
        var random = new Random(seed);
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(seed));
        using IRecordCursor cursor = log.Cursor(new LogSequence(0));
        var seen = new List<Seen>();
        for (int round = 0; round < 400; round++)
        {
            for (int append = random.Next(3); append > 0; append--)
            {
                await log.Append([.. Enumerable.Range(0, random.Next(1, 6)).Select(index => (random.Next(2), $"round {round}, record {index}"))]);
            }

            var some = new Some(seen, random.Next(1, 8));
            LogSequence behind = cursor.Read(random.Next(2) == 0 ? LogTestKit.End : new LogSequence(seen.Count + random.Next(4)), ref some, TestContext.Current.CancellationToken);
            behind.Value.ShouldBe(seen.Count - 1, $"seed {seed}, round {round}");
        }

        var rest = new Collect(seen);
        cursor.Read(LogTestKit.End, ref rest, TestContext.Current.CancellationToken);
        log.Segments.Length.ShouldBeGreaterThan(5);
        seen.ShouldBe(log.ReadAll(), $"seed {seed}");
    }

    [Fact]
    public async Task It_begins_anywhere()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        for (int append = 0; append < 200; append++)
        {
            await log.Append((0, "a"), (1, $"{append}"));
        }

        List<Seen> all = log.ReadAll();
        for (int from = 0; from <= all.Count; from += 7)
        {
            using IRecordCursor cursor = log.Cursor(new LogSequence(from));
            var seen = new List<Seen>();
            var collect = new Collect(seen);
            cursor.Read(LogTestKit.End, ref collect, TestContext.Current.CancellationToken).ShouldBe(log.DurableSequence);
            seen.ShouldBe(all[from..]);
        }
    }

    [Fact]
    public async Task A_segment_dropped_under_it_is_missed_only_if_it_had_not_been_read_to_its_end()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        using IRecordCursor atTheEnd = log.Cursor(new LogSequence(0));
        using IRecordCursor behind = log.Cursor(new LogSequence(0));
        await log.Append((0, "first"));
        var (seen, lost) = (new List<Seen>(), new List<Seen>());
        var (collect, collectLost) = (new Collect(seen), new Collect(lost));
        behind.Read(LogTestKit.End, ref collectLost, TestContext.Current.CancellationToken);
        while (log.Segments.Length < 3)
        {
            await log.Append((0, new string('x', 500)));
            atTheEnd.Read(LogTestKit.End, ref collect, TestContext.Current.CancellationToken);
        }

        log.Truncate(log.Segments[2].First, long.MaxValue).Length.ShouldBe(2);
        await log.Append((0, "more"));
        atTheEnd.Read(LogTestKit.End, ref collect, TestContext.Current.CancellationToken).ShouldBe(log.DurableSequence);
        seen.Select(record => record.Sequence).ShouldBe(Enumerable.Range(0, seen.Count).Select(sequence => (long)sequence));
        Should.Throw<LogTruncatedException>(() => behind.Read(LogTestKit.End, ref collectLost, TestContext.Current.CancellationToken)).FirstSequence.ShouldBe(log.FirstSequence);
    }

    [Fact]
    public async Task Known_gaps_are_passed_over_and_lie_behind_it_then()
    {
        var sample = await SampleLog.Write();
        var device = sample.Device();
        device.Flip(LogFiles.Segment(1), sample.Frames(LogFiles.Segment(1)).Single(frame => frame.Kind == FrameKind.Record && frame.Sequence == 4).Position + 28, 2);
        await using var log = LogTestKit.Open(SampleLog.Options with { Recovery = DamageRecovery.Skip }, device);
        log.KnownGaps.ShouldNotBeEmpty();
        using IRecordCursor cursor = log.Cursor(new LogSequence(0));
        var seen = new List<Seen>();
        var collect = new Collect(seen);
        for (long to = 0; to <= log.DurableSequence.Value; to++)
        {
            cursor.Read(new LogSequence(to), ref collect, TestContext.Current.CancellationToken).Value.ShouldBe(to);
        }

        seen.ShouldBe(log.ReadAll());
    }

    private struct Some(List<Seen> seen, int count) : ILogVisitor
    {
        public bool Visit(LogRecord record)
        {
            seen.Add(Seen.Of(record));
            return --count > 0;
        }
    }
}
