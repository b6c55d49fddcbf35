namespace OrleansFeatures.Log;

/// <summary>One of the log's partitions, 0 to <see cref="LogOptions.PartitionCount"/> - 1.</summary>
public readonly record struct PartitionId(int Value) : IComparable<PartitionId>
{
    public int CompareTo(PartitionId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString();
}

/// <summary>A record's place within its partition: 0, 1, 2, ... without gaps. <see cref="None"/> (-1) is "before the first".</summary>
public readonly record struct LogOffset(long Value) : IComparable<LogOffset>
{
    public static readonly LogOffset None = new(-1);

    public int CompareTo(LogOffset other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString();
}

/// <summary>A record's place in the whole log, over all partitions: 0, 1, 2, ... without gaps. <see cref="None"/> (-1) is "before the first".</summary>
public readonly record struct LogSequence(long Value) : IComparable<LogSequence>
{
    public static readonly LogSequence None = new(-1);

    public int CompareTo(LogSequence other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString();
}
