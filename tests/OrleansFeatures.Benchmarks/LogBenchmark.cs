using System.Diagnostics;
using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// The log alone: appenders that each wait for their batch to be durable before they send the next (closed loop), a consumer that touches
/// every record and releases, then replay and reopening. "CPU" is the whole process's user and system time: encoding a payload, checksum, system calls, consumer.
/// The line without sync shows what the log itself costs when the disk costs nothing; the difference is the disk.
/// </summary>
internal static class LogBenchmark
{
    public const string About = "append, commit latency and replay: [--directory DIR] [--records N] [--bytes 90] [--batch 1000] [--appenders 4]";

    private const int Partitions = 64;

    public static async Task Run(Arguments arguments)
    {
        var records = arguments.Number("records", 4_000_000);
        var bytes = arguments.Number("bytes", 90);
        var batch = arguments.Number("batch", 1000);
        var appenders = arguments.Number("appenders", 4);
        var parent = arguments.Text("directory") ?? Path.GetTempPath();
        Console.WriteLine($"{"",-22}{"records/s",12}{"MB/s",8}{"CPU us/rec",12}{"p50 ms",9}{"p99 ms",9}{"max ms",9}{"batches/commit",16}");
        foreach (var sync in new[] { true, false })
        {
            var directory = Directory.CreateDirectory(Path.Combine(parent, $"log-benchmark-{Guid.NewGuid():N}")).FullName;
            try
            {
                var device = new CountingDevice(sync);
                await Warm(device, directory + "/warm", bytes);
                await Append(device, directory + "/log", records, bytes, batch, appenders, sync);
                await Replay(directory + "/log", records);
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    private static async Task Warm(CountingDevice device, string directory, int bytes)
    {
        await using var log = EventLog.Open(new LogOptions { Directory = directory, DeliverCommitted = false }, device, TimeProvider.System);
        for (var i = 0; i < 300; i++)
        {
            using var batch = Build(bytes, 500, i);
            await log.AppendAsync(batch);
        }
    }

    private static async Task Append(CountingDevice device, string directory, int records, int bytes, int batch, int appenders, bool sync)
    {
        await using var log = EventLog.Open(new LogOptions { Directory = directory, PartitionCount = Partitions }, device, TimeProvider.System);
        var consumer = Task.Run(() => Consume(log));
        var batchesEach = Math.Max(1, records / batch / appenders);
        var latencies = new double[appenders][];
        device.Syncs = 0;
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, appenders).Select(appender => Task.Run(async () =>
        {
            latencies[appender] = new double[batchesEach];
            for (var i = 0; i < batchesEach; i++)
            {
                using var full = Build(bytes, batch, i);
                var sent = Stopwatch.GetTimestamp();
                await log.AppendAsync(full);
                latencies[appender][i] = Stopwatch.GetElapsedTime(sent).TotalMilliseconds;
            }
        })));
        var seconds = Stopwatch.GetElapsedTime(clock).TotalSeconds;
        var used = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds;
        var appended = log.DurableSequence.Value + 1;
        var sorted = latencies.SelectMany(each => each).Order().ToArray();
        Console.WriteLine($"{(sync ? "append, fdatasync" : "append, no sync"),-22}{appended / seconds,12:N0}{log.BytesOnDisk / seconds / 1e6,8:N0}{used / appended,12:N3}"
            + $"{At(sorted, 0.5),9:N2}{At(sorted, 0.99),9:N2}{sorted[^1],9:N2}{(double)sorted.Length / Math.Max(1, device.Syncs),16:N1}");
        await log.DisposeAsync();
        await consumer;
    }

    private static AppendBatch Build(int bytes, int count, int seed)
    {
        var batch = new AppendBatch(count * (bytes + 28));
        for (var i = 0; i < count; i++)
        {
            batch.BeginRecord(new PartitionId((seed + i * 7) % Partitions));
            batch.GetSpan(bytes)[..bytes].Fill((byte)(seed + i));
            batch.Advance(bytes);
            batch.EndRecord();
        }

        return batch;
    }

    private static async Task<long> Consume(EventLog log)
    {
        long sum = 0;
        while (await log.Committed.WaitToReadAsync())
        {
            while (log.Committed.TryRead(out var batch))
            {
                foreach (var record in batch.Records)
                {
                    sum += record.Partition.Value + record.Offset.Value + record.Payload[0];
                }

                batch.Release();
            }
        }

        return sum;
    }

    private static async Task Replay(string directory, int records)
    {
        var clock = Stopwatch.GetTimestamp();
        await using var log = EventLog.Open(new LogOptions { Directory = directory, PartitionCount = Partitions, DeliverCommitted = false }, new FileLogDevice(), TimeProvider.System);
        Line("open, verify all", log, Stopwatch.GetElapsedTime(clock), 0);
        var sum = new Sum();
        var cpu = Environment.CpuUsage.TotalTime;
        clock = Stopwatch.GetTimestamp();
        log.Read(new LogSequence(0), new LogSequence(long.MaxValue), ref sum);
        Line("replay", log, Stopwatch.GetElapsedTime(clock), (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds);
        if (sum.Records != log.DurableSequence.Value + 1)
        {
            throw new InvalidOperationException($"Replay showed {sum.Records} of {records} records.");
        }
    }

    private static void Line(string name, EventLog log, TimeSpan took, double cpuMicros)
    {
        var records = log.DurableSequence.Value + 1;
        Console.WriteLine($"{name,-22}{records / took.TotalSeconds,12:N0}{log.BytesOnDisk / took.TotalSeconds / 1e6,8:N0}" + (cpuMicros > 0 ? $"{cpuMicros / records,12:N3}" : ""));
    }

    private static double At(double[] sorted, double part) => sorted[(int)Math.Min(sorted.Length - 1, sorted.Length * part)];

    private struct Sum : ILogVisitor
    {
        public long Records;
        private long _bytes;

        public bool Visit(LogRecord record)
        {
            Records++;
            _bytes += record.Payload[0];
            return true;
        }
    }
}
