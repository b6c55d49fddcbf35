using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// The directory of an event log. The first byte of an input is 0 for damage as disks do it, which checksums must find: then every record that is read is the one that was written, all that the durable mark says is there,
/// and a refusal has changed nothing. With 1 all checksums are made to fit first, so that what stands behind them is reached: then any log, or a named refusal, is right.
/// </summary>
internal sealed class LogTarget : FuzzTarget
{
    private const string Folder = "/memory";
    private const int Partitions = 3;

    public override string Name => "log";

    public override int InputBytesMax => 40 * 1024;

    public override IReadOnlyList<byte[]> Tokens { get; } = [.. Words("OFLOGMAN", "OFLOGDUR", "segment-000000000002.log", "log.manifest", "log.durable", "log.manifest.new"), [28, 0, 0, 0], [44, 0, 0, 0], new byte[64], new byte[4_096]];

    /// <summary>Opening reads segments through a buffer of a megabyte, whatever their length.</summary>
    public override long AllocationMax(int length) => (32 * Limits.AllocationBase) + (length * 2_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        foreach ((int batches, int each) in ((int, int)[])[(0, 0), (3, 1), (6, 4), (40, 3)])
        {
            // A directory whose creation was interrupted already has its manifest, and with it its number: the same one in every run.
            var device = new FaultyLogDevice(1);
            device.SetFiles([new(LogFiles.Manifest, new Manifest(new Guid("00112233-4455-6677-8899-aabbccddeeff"), Partitions, FirstSegment: 1, LastSegment: 0).Encode())]);
            using (Running log = Open(device))
            {
                for (int batch = 0; batch < batches; batch++)
                {
                    log.Append(batch * each, each);
                }
            }

            byte[] archive = FileArchive.Of(device.Files);
            yield return [0, .. archive];
            yield return [1, .. archive];
        }
    }

    /// <summary>Damage falls into one file of the archive, whose frame stays as it is.</summary>
    public override byte[]? Mutate(byte[] input, Random random, IReadOnlyList<byte[]> corpus) => ArchiveMutation.Of(input, random, corpus, Tokens);

    public override Verdict Run(byte[] input)
    {
        bool isRaw = input.Length == 0 || (input[0] & 1) == 0;
        Dictionary<string, byte[]> files = FileArchive.Read(input.AsSpan(Math.Min(1, input.Length)));
        if (!isRaw)
        {
            LogChecksums.Repair(files, Partitions);
        }

        var device = new FaultyLogDevice(1);
        device.SetFiles(files);
        Running log;
        try
        {
            log = Open(device);
        }
        catch (LogException refused) when (refused is LogCorruptException or LogIncompatibleException)
        {
            WrongAnswerException.Unless(Same(files, device.Files), $"the log was refused ({refused.Message}), and its files have changed");
            return Verdict.Refuse(refused is LogCorruptException corrupt ? corrupt.Reason : refused.Message);
        }

        using (log)
        {
            return Read(log, files, isRaw);
        }
    }

    private static Verdict Read(Running log, Dictionary<string, byte[]> files, bool isRaw)
    {
        var visitor = new Visitor(isRaw);
        try
        {
            log.Log.Read(log.Log.FirstSequence, new LogSequence(long.MaxValue), ref visitor);
            if (isRaw)
            {
                CheckMark(log.Log, files);
                WrongAnswerException.Unless(visitor.Count == log.Log.DurableSequence.Value + 1 - log.Log.FirstSequence.Value, $"{visitor.Count} records were read of {log.Log.FirstSequence} to {log.Log.DurableSequence}");
            }

            if (visitor.Count % 8 == 0 && log.Log.DurableSequence.Value < int.MaxValue - 10)
            {
                log.Append((int)(log.Log.DurableSequence.Value + 1), 2);
            }
        }
        catch (LogException refused) when (refused is LogCorruptException or LogTruncatedException && !isRaw)
        {
            return Verdict.Refuse("after opening: " + refused.Message);
        }

        return Verdict.Accept($"{(isRaw ? "raw" : "repaired")} {Math.Min(visitor.Count, 20)} of {files.Count}");
    }

    /// <summary>What the durable mark says had been acknowledged.</summary>
    private static void CheckMark(EventLog log, Dictionary<string, byte[]> files)
    {
        var before = new FaultyLogDevice(1);
        before.SetFiles(files);
        if (files.ContainsKey(LogFiles.DurableMark) && DurableMark.Read(before, LogFiles.DurableMark, log.StoreId) is { } mark)
        {
            WrongAnswerException.Unless(log.DurableSequence.Value >= mark.NextSequence - 1, $"the log opens with records to {log.DurableSequence}, and records before {mark.NextSequence} had been acknowledged");
        }
    }

    private static bool Same(Dictionary<string, byte[]> before, IReadOnlyDictionary<string, byte[]> after) =>
        before.Count == after.Count && before.All(file => after.TryGetValue(file.Key, out byte[]? content) && content.AsSpan().SequenceEqual(file.Value));

    private static byte[] Payload(long sequence) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"record {sequence} {new string((char)('a' + (sequence % 26)), (int)(sequence * 37 % 150))}"));

    private static Running Open(FaultyLogDevice device) =>
        new(EventLog.Open(new LogOptions { Directory = Folder, PartitionCount = Partitions, SegmentBytesMax = 4_096, DeliverCommitted = false, CommitDelayMax = TimeSpan.Zero }, device, SetTime.Instance));

    /// <summary>An open log, used from one thread.</summary>
    private sealed class Running(EventLog log) : IDisposable
    {
        public EventLog Log => log;

        public void Append(int first, int count)
        {
            using var batch = new AppendBatch();
            for (int number = 0; number < count; number++)
            {
                batch.Add(new PartitionId((first + number) % Partitions), Payload(first + number));
            }

            log.AppendAsync(batch).GetAwaiter().GetResult();
        }

        public void Dispose() => log.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private struct Visitor(bool isRaw) : ILogVisitor
    {
        public long Count { get; private set; }

        public bool Visit(LogRecord record)
        {
            Count++;
            WrongAnswerException.Unless(!isRaw || record.Payload.SequenceEqual(Payload(record.Sequence.Value)), $"record {record.Sequence} is not what was written");
            return true;
        }
    }
}
