using System.Text;

namespace OrleansFeatures.Log.Tests;

public class AppendAndReplayTests
{
    [Fact]
    public async Task Replay_shows_exactly_what_was_appended_with_dense_offsets_per_partition()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory));

        var first = await log.Append((2, "a"), (0, "b"), (2, "c"));
        var second = await log.Append((2, "d"), (3, ""));

        first.ShouldBe(new AppendReceipt(new LogSequence(0), new LogSequence(2)));
        second.ShouldBe(new AppendReceipt(new LogSequence(3), new LogSequence(4)));
        log.ReadAll().ShouldBe([new Seen(0, 2, 0, "a"), new Seen(1, 0, 0, "b"), new Seen(2, 2, 1, "c"), new Seen(3, 2, 2, "d"), new Seen(4, 3, 0, "")]);
        log.DurableSequence.ShouldBe(new LogSequence(4));
        log.DurableOffset(new PartitionId(2)).ShouldBe(new LogOffset(2));
        log.DurableOffset(new PartitionId(1)).ShouldBe(LogOffset.None);
    }

    [Fact]
    public async Task The_appended_batch_knows_the_offsets_of_its_records()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory));
        await log.Append((1, "before"));

        using var batch = LogTestKit.Batch((1, "x"), (0, "y"));
        Should.Throw<InvalidOperationException>(() => batch.Records.GetEnumerator());
        await log.AppendAsync(batch, TestContext.Current.CancellationToken);

        var seen = new List<Seen>();
        foreach (var record in batch.Records)
        {
            seen.Add(Seen.Of(record));
        }

        seen.ShouldBe([new Seen(1, 1, 1, "x"), new Seen(2, 0, 0, "y")]);
    }

    [Fact]
    public async Task A_log_reopened_many_times_goes_on_where_it_was()
    {
        using var directory = new TempDirectory();
        var expected = new List<Seen>();
        Guid? store = null;
        for (var round = 0; round < 20; round++)
        {
            await using var log = LogTestKit.Open(LogTestKit.Options(directory));
            (store ??= log.StoreId).ShouldBe(log.StoreId);
            log.ReadAll().ShouldBe(expected);
            await log.Append((round % 3, $"round {round}"));
            expected.Add(new Seen(round, round % 3, round / 3, $"round {round}"));
        }
    }

    [Theory]
    [InlineData(LogVerification.All)]
    [InlineData(LogVerification.LastSegment)]
    public async Task Segments_roll_and_all_of_them_replay_and_reopen(LogVerification verification)
    {
        using var directory = new TempDirectory();
        var options = LogTestKit.Options(directory, segmentBytes: Limits.SegmentBytesMin) with { Verification = verification };
        var expected = new List<Seen>();
        await using (var log = LogTestKit.Open(options))
        {
            for (var i = 0; i < 300; i++)
            {
                var payload = $"{i} {new string('x', i % 90)}";
                await log.Append((i % 4, payload));
                expected.Add(new Seen(i, i % 4, i / 4, payload));
            }

            log.ReadAll().ShouldBe(expected);
        }

        Directory.GetFiles(directory, "segment-*.log").Length.ShouldBeGreaterThan(5);
        await using var again = LogTestKit.Open(options);
        again.ReadAll().ShouldBe(expected);
        again.BytesOnDisk.ShouldBe(Directory.GetFiles(directory, "segment-*.log").Sum(file => new FileInfo(file).Length));
        again.DurableOffset(new PartitionId(3)).ShouldBe(new LogOffset(74));
    }

    [Fact]
    public async Task Replay_can_begin_and_end_anywhere()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory, segmentBytes: Limits.SegmentBytesMin));
        for (var i = 0; i < 60; i++)
        {
            await log.Append((0, $"{3 * i}"), (1, $"{3 * i + 1}"), (0, $"{3 * i + 2}"));
        }

        for (var from = 0; from < 180; from += 7)
        {
            for (var to = from - 1; to < 180; to += 13)
            {
                log.ReadAll(from, to).Select(seen => seen.Payload).ShouldBe(Enumerable.Range(from, to - from + 1).Select(i => $"{i}"));
            }
        }
    }

    [Fact]
    public async Task Concurrent_appenders_get_dense_sequences_and_each_keeps_its_own_order()
    {
        const int appenders = 8;
        const int batches = 200;
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory));
        await Task.WhenAll(Enumerable.Range(0, appenders).Select(appender => Task.Run(async () =>
        {
            for (var i = 0; i < batches; i++)
            {
                await log.Append((appender % 4, $"{appender}:{2 * i}"), (appender % 4, $"{appender}:{2 * i + 1}"));
            }
        })));

        var seen = log.ReadAll();
        seen.Select(record => record.Sequence).ShouldBe(Enumerable.Range(0, appenders * batches * 2).Select(i => (long)i));
        foreach (var partition in seen.GroupBy(record => record.Partition))
        {
            partition.Select(record => record.Offset).ShouldBe(Enumerable.Range(0, partition.Count()).Select(i => (long)i));
        }

        for (var appender = 0; appender < appenders; appender++)
        {
            seen.Where(record => record.Payload.StartsWith($"{appender}:", StringComparison.Ordinal)).Select(record => record.Payload)
                .ShouldBe(Enumerable.Range(0, batches * 2).Select(i => $"{appender}:{i}"));
        }
    }

    [Fact]
    public async Task Payloads_of_every_size_come_back_byte_for_byte()
    {
        using var directory = new TempDirectory();
        var random = new Random(4);
        var payloads = Enumerable.Range(0, 70).Append(1023).Append(1024 * 1024 - 28).Append(1024 * 1024).Append(3_000_000).Append(Limits.RecordBytesMax)
            .Select(size => { var bytes = new byte[size]; random.NextBytes(bytes); return bytes; }).ToList();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory));
        foreach (var payload in payloads)
        {
            using var batch = new AppendBatch();
            batch.Add(new PartitionId(0), payload);
            await log.AppendAsync(batch, TestContext.Current.CancellationToken);
        }

        var compare = new CompareInOrder(payloads);
        log.Read(new LogSequence(0), LogTestKit.End, ref compare, TestContext.Current.CancellationToken);
        compare.Matched.ShouldBe(payloads.Count);
    }

    [Fact]
    public void A_batch_refuses_misuse_and_forgets_a_cancelled_record()
    {
        using var batch = new AppendBatch();
        Should.Throw<InvalidOperationException>(batch.EndRecord);
        Should.Throw<ArgumentOutOfRangeException>(() => batch.BeginRecord(new PartitionId(-1)));
        Should.Throw<ArgumentOutOfRangeException>(() => batch.Add(new PartitionId(0), new byte[Limits.RecordBytesMax + 1]));
        batch.CancelRecord();
        batch.Count.ShouldBe(0);
        batch.Add(new PartitionId(1), "kept"u8);
        var bytes = batch.Bytes;
        batch.BeginRecord(new PartitionId(1));
        Encoding.UTF8.GetBytes("bad", batch);
        batch.CancelRecord();
        batch.Count.ShouldBe(1);
        batch.Bytes.ShouldBe(bytes);
    }

    private struct CompareInOrder(List<byte[]> expected) : ILogVisitor
    {
        public int Matched { get; private set; }

        public bool Visit(LogRecord record)
        {
            if (!record.Payload.SequenceEqual(expected[Matched]))
            {
                return false;
            }

            Matched++;
            return true;
        }
    }
}
