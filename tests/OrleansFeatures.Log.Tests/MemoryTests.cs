using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Tests;

/// <summary>Opening, reading, verifying and truncating a log need a few buffers, however long it is.</summary>
public class MemoryTests
{
    private const long LogBytes = 48L * 1024 * 1024;
    private const long AllowedBytes = 20L * 1024 * 1024; // A buffer of 1 MB for each of three segments, in each of at most four passes, with something on the side.

    [Fact]
    public async Task A_long_log_is_opened_read_verified_and_skipped_within_a_few_buffers()
    {
        using var directory = new TempDirectory();
        var options = LogTestKit.Options(directory, segmentBytes: 16 * 1024 * 1024);
        await using (var log = LogTestKit.Open(options))
        {
            while (log.BytesOnDisk < LogBytes)
            {
                using var batch = new AppendBatch();
                for (var i = 0; i < 10_000; i++)
                {
                    batch.Add(new PartitionId(i % 4), new byte[80]);
                }

                await log.AppendAsync(batch, TestContext.Current.CancellationToken);
            }
        }

        await Measure("opening", () => LogTestKit.Open(options).DisposeAsync());
        await using (var log = LogTestKit.Open(options))
        {
            await Measure("reading", () =>
            {
                var count = new Count();
                log.Read(new LogSequence(0), LogTestKit.End, ref count, TestContext.Current.CancellationToken);
                count.Records.ShouldBe(log.DurableSequence.Value + 1);
                return ValueTask.CompletedTask;
            });
            await Measure("verifying", () => { log.Verify(cancellationToken: TestContext.Current.CancellationToken).IsSound.ShouldBeTrue(); return ValueTask.CompletedTask; });
        }

        using (var file = new FileStream(System.IO.Path.Combine(directory, "segment-000000000001.log"), FileMode.Open))
        {
            file.Position = 5_000_000;
            file.Write(new byte[4096]);
        }

        await Measure("skipping", () => LogTestKit.Open(options with { Recovery = DamageRecovery.Skip }).DisposeAsync());
    }

    /// <summary>Counts what this thread allocates: opening, reading and verifying happen on the caller's.</summary>
    private static async Task Measure(string what, Func<ValueTask> action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var task = action();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(AllowedBytes, what);
        await task;
    }

    private struct Count : ILogVisitor
    {
        public long Records { get; private set; }

        public bool Visit(LogRecord record)
        {
            Records++;
            return true;
        }
    }
}
