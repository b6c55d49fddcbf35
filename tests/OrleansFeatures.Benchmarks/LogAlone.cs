using System.Diagnostics;
using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// What the log alone does with the records of a store: reads them back, groups them into as many batches as the producer sent, and appends them to a fresh log
/// on the same disk, with fsync and a consumer that looks at every record, as many batches in flight as the producer had.
/// </summary>
internal static class LogAlone
{
    /// <returns>Records per second, the better of two passes: the first one warms up.</returns>
    public static async Task<double> MeasureAsync(string directory, int inFlight, int batches)
    {
        double best = 0;
        foreach (string pass in (string[])["log-1", "log-2"])
        {
            List<AppendBatch> records = ReadBack(Path.Combine(directory, "data", "log"), batches);
            best = Math.Max(best, await AppendAsync(Path.Combine(directory, pass), records, inFlight));
        }

        return best;
    }

    private static List<AppendBatch> ReadBack(string directory, int batches)
    {
        using var log = new Opened(directory, deliver: false);
        var regroup = new Regroup((int)((log.Log.DurableSequence.Value + batches) / batches));
        log.Log.Read(log.Log.FirstSequence, log.Log.DurableSequence, ref regroup);
        return regroup.Batches;
    }

    private static async Task<double> AppendAsync(string directory, List<AppendBatch> batches, int inFlight)
    {
        using var log = new Opened(directory, deliver: true);
        Task<long> consumer = Task.Run(() => ConsumeAsync(log.Log));
        long records = batches.Sum(batch => (long)batch.Count);
        int next = -1;
        long clock = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(async () =>
        {
            int index;
            while ((index = Interlocked.Increment(ref next)) < batches.Count)
            {
                using AppendBatch batch = batches[index];
                await log.Log.AppendAsync(batch);
            }
        })));
        double seconds = Stopwatch.GetElapsedTime(clock).TotalSeconds;
        await log.Log.DisposeAsync();
        await consumer;
        return records / seconds;
    }

    private static async Task<long> ConsumeAsync(EventLog log)
    {
        long sum = 0;
        await foreach (CommittedBatch batch in log.Committed.ReadAllAsync())
        {
            foreach (LogRecord record in batch.Records)
            {
                sum += record.Partition.Value + record.Payload[0];
            }

            batch.Release();
        }

        return sum;
    }

    private sealed class Opened(string directory, bool deliver) : IDisposable
    {
        public EventLog Log { get; } = EventLog.Open(
            new LogOptions { Directory = directory, PartitionCount = Entities.Limits.PartitionCountDefault, DeliverCommitted = deliver, Verification = LogVerification.LastSegment },
            new FileLogDevice(), TimeProvider.System);

        public void Dispose() => Log.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private struct Regroup(int recordsPerBatch) : ILogVisitor
    {
        public List<AppendBatch> Batches { get; } = [];

        public readonly bool Visit(LogRecord record)
        {
            if (Batches.Count == 0 || Batches[^1].Count == recordsPerBatch)
            {
                Batches.Add(new AppendBatch(recordsPerBatch * 128));
            }

            Batches[^1].Add(record.Partition, record.Payload);
            return true;
        }
    }
}
