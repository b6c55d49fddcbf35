using System.Text;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

/// <summary>A record as tests compare it.</summary>
internal readonly record struct Seen(long Sequence, int Partition, long Offset, string Payload)
{
    public static Seen Of(LogRecord record) =>
        new(record.Sequence.Value, record.Partition.Value, record.Offset.Value, Encoding.UTF8.GetString(record.Payload));
}

/// <summary>Collects what replay shows.</summary>
internal readonly struct Collect(List<Seen> seen) : ILogVisitor
{
    public bool Visit(LogRecord record)
    {
        seen.Add(Seen.Of(record));
        return true;
    }
}

internal static class LogTestKit
{
    public static readonly LogSequence End = new(long.MaxValue);

    /// <summary>Options for a log without a consumer and with everything small.</summary>
    public static LogOptions Options(string directory, int partitions = 4, long segmentBytes = 256 * 1024) =>
        new() { Directory = directory, PartitionCount = partitions, SegmentBytesMax = segmentBytes, DeliverCommitted = false };

    public static EventLog Open(LogOptions options, ILogDevice? device = null) => EventLog.Open(options, device ?? new FileLogDevice(), TimeProvider.System);

    public static AppendBatch Batch(params (int Partition, string Payload)[] records)
    {
        var batch = new AppendBatch();
        foreach (var (partition, payload) in records)
        {
            batch.Add(new PartitionId(partition), Encoding.UTF8.GetBytes(payload));
        }

        return batch;
    }

    public static async Task<AppendReceipt> Append(this EventLog log, params (int Partition, string Payload)[] records)
    {
        using var batch = Batch(records);
        return await log.AppendAsync(batch, TestContext.Current.CancellationToken);
    }

    /// <summary>
    /// Waits until the writer thread has noted its last commit in the durable mark, the last thing that it does for one: from then on the disk is quiet.
    /// </summary>
    public static Task Quiet(this EventLog log, FaultyLogDevice device) =>
        Eventually.Is(() => DurableMark.Read(device, LogFiles.DurableMark, log.StoreId)?.NextSequence == log.DurableSequence.Value + 1);

    public static List<Seen> ReadAll(this EventLog log, long from = 0, long to = long.MaxValue)
    {
        var seen = new List<Seen>();
        var collect = new Collect(seen);
        log.Read(new LogSequence(from), new LogSequence(to), ref collect, TestContext.Current.CancellationToken);
        return seen;
    }
}
