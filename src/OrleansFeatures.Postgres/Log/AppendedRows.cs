using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// What an append transaction writes, made from its numbered records: for each partition one row of frames, of each event where its newest version lies, and how far producers have come.
/// <code>
///   batches:   [p3 p7 p3] [p7 p1]              rows:   p1 [.]   p3 [. .]   p7 [. .]        frames in sequence order within each row
///                └ primary of event 5                             └ event 5: row of p3, byte 0
/// </code>
/// </summary>
internal sealed class AppendedRows
{
    private readonly Dictionary<(uint Stream, EventIdIndex.IdKey Id), IdRow> _ids = [];

    private AppendedRows()
    {
    }

    public List<PartitionBatch> Partitions { get; } = [];

    /// <summary>Of each event that has changed, its newest version.</summary>
    public IReadOnlyDictionary<(uint Stream, EventIdIndex.IdKey Id), IdRow> Ids => _ids;

    public TimeMarks Marks { get; } = new();

    public long FrameBytes { get; private set; }

    /// <param name="before">The head as it was before.</param>
    /// <param name="records">What the intake appended.</param>
    /// <param name="ageOfDeleted">Of a stream, the time by which the id of a deleted event is forgotten: of a delete nobody knows the event's own.</param>
    public static AppendedRows Of(LogHead before, TransactionRecords records, Func<uint, long> ageOfDeleted)
    {
        var rows = new AppendedRows();
        byte[]?[] frames = rows.Allocate(records, before.NextOffsets.Length);
        int[] used = new int[frames.Length];
        foreach (AppendBatch batch in records.Appended)
        {
            foreach (LogRecord record in batch.Records)
            {
                int partition = record.Partition.Value;
                rows.Note(record, before.NextOffsets[partition], used[partition], ageOfDeleted);
                record.Frame.CopyTo(frames[partition].AsSpan(used[partition]));
                used[partition] += record.Frame.Length;
            }

            if (batch.Tag is TimeMarks marks)
            {
                rows.Merge(marks);
            }
        }

        for (int partition = 0; partition < frames.Length; partition++)
        {
            if (frames[partition] is { } bytes)
            {
                rows.Partitions.Add(new PartitionBatch(new PartitionId(partition), new LogOffset(before.NextOffsets[partition]), new LogOffset(records.NextOffsets[partition] - 1), bytes));
            }
        }

        return rows;
    }

    private byte[]?[] Allocate(TransactionRecords records, int partitions)
    {
        int[] bytes = new int[partitions];
        foreach (AppendBatch batch in records.Appended)
        {
            foreach (LogRecord record in batch.Records)
            {
                bytes[record.Partition.Value] += record.Frame.Length;
                FrameBytes += record.Frame.Length;
            }
        }

        return [.. bytes.Select(length => length == 0 ? null : GC.AllocateUninitializedArray<byte>(length))];
    }

    private void Note(LogRecord logged, long rowOffset, int position, Func<uint, long> ageOfDeleted)
    {
        EventRecord record = EventRecord.Parse(logged.Payload);
        if (!record.IsPrimary)
        {
            return;
        }

        EventIdIndex.IdVersion version = EventIntake.VersionOf(record, logged.Sequence);
        long time = version.IsDeleted ? Math.Max(record.Time.Micros, ageOfDeleted(record.StreamId)) : record.Time.Micros;
        _ids[(record.StreamId, EventIntake.KeyOf(record))] = new IdRow(version, time, logged.Partition.Value, rowOffset, position, logged.Frame.Length);
    }

    private void Merge(TimeMarks marks)
    {
        foreach (TimeMarks.Mark mark in marks.WithEvents)
        {
            Marks.Of(mark.Stream, mark.Producer).Add(mark.NewestMicros, new EventTime(mark.ArrivalMicros), mark.StreamTimeMicros);
        }
    }

    /// <summary>Where the newest version of an event lies, and its time.</summary>
    public readonly record struct IdRow(EventIdIndex.IdVersion Version, long TimeMicros, int Partition, long RowOffset, int Position, int FrameBytes);
}
