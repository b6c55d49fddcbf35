using System.Collections.Immutable;

namespace OrleansFeatures.Log.Inspection;

/// <summary>Offsets of one partition that damage concerns: from <paramref name="First"/> to before <paramref name="Next"/>.</summary>
public readonly record struct LostOffsets(PartitionId Partition, LogOffset First, LogOffset Next);

/// <summary>
/// One damaged place: which bytes of which file, and what they held as far as what lies around them tells. Damage inside a group concerns the whole group, because its batches count
/// whole or not at all.
/// </summary>
public sealed record LogDamage
{
    /// <summary><see cref="ToByte"/> of damage that reaches to the end of the file, or of a file that is missing.</summary>
    public const long EndOfFile = -1;

    /// <summary>The damaged or missing file.</summary>
    public required string File { get; init; }

    /// <summary>The segment's number; 0 when the file is no segment.</summary>
    public long Segment { get; init; }

    /// <summary>The first byte that cannot be used.</summary>
    public long FromByte { get; init; }

    /// <summary>Where reading can go on, or <see cref="EndOfFile"/>.</summary>
    public long ToByte { get; init; } = EndOfFile;

    /// <summary>What is wrong at <see cref="FromByte"/> or shortly behind it.</summary>
    public required string Reason { get; init; }

    /// <summary>The first record concerned; <see cref="LogSequence.None"/> when nothing says which.</summary>
    public LogSequence First { get; init; } = LogSequence.None;

    /// <summary>The first record behind the place; equal to <see cref="First"/> when no record is concerned.</summary>
    public LogSequence Next { get; init; } = LogSequence.None;

    /// <summary>
    /// Whether the records are known to the last one. If not, their sequences are an upper bound: the log lost its end, and nothing behind it says where that was.
    /// </summary>
    public bool IsExact { get; init; } = true;

    /// <summary>
    /// The offsets concerned, by partition, as far as known: a partition without a later record in the segment or a later segment is missing here. Where two places follow each other without a
    /// record of the partition between them, the first one names the offsets of both.
    /// </summary>
    public ImmutableArray<LostOffsets> Offsets { get; init; } = [];

    /// <summary>The records were written at or after this time, microseconds since 1970 UTC; null when unknown.</summary>
    public long? AfterMicros { get; init; }

    /// <summary>The records were written at or before this time; null when unknown.</summary>
    public long? BeforeMicros { get; init; }

    /// <summary>When an opening with "skip" accepted this loss; null when nobody has.</summary>
    public long? SkippedAtMicros { get; init; }

    /// <summary>Records concerned, at most; 0 also when nothing is known.</summary>
    public long Records => First == LogSequence.None ? 0 : Next.Value - First.Value;

    /// <summary>Whether nothing of the segment can be read.</summary>
    public bool IsWholeFile => FromByte == 0 && ToByte == EndOfFile;

    /// <summary>What the checksums behind a damaged segment header are salted with.</summary>
    internal uint Salt { get; init; }

    public override string ToString()
    {
        var bytes = ToByte == EndOfFile ? $"from byte {FromByte} to its end" : $"bytes {FromByte} to {ToByte - 1}";
        var records = First == LogSequence.None ? "an unknown number of records"
            : Records == 0 ? "no record"
            : $"{(IsExact ? "" : "at most ")}{Records} record{(Records == 1 ? "" : "s")}, sequence{Range(First.Value, Next.Value)}";
        var offsets = Offsets.IsEmpty ? "" : "; " + string.Join(", ", Offsets.Select(lost => $"partition {lost.Partition}: offset{Range(lost.First.Value, lost.Next.Value)}"));
        return $"{File}, {bytes}: {Reason}. It concerns {records}{offsets}{(Records == 0 ? "" : Times())}.";
    }

    private static string Range(long first, long next) => next == first + 1 ? $" {first}" : $"s {first} to {next - 1}";

    private string Times()
    {
        static string Text(long micros) => DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);
        return (AfterMicros, BeforeMicros) switch
        {
            ({ } after, { } before) => $"; written {Text(after)} to {Text(before)}",
            ({ } after, null) => $"; written from {Text(after)} on",
            (null, { } before) => $"; written before {Text(before)}",
            _ => "",
        };
    }
}
