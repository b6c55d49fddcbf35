namespace OrleansFeatures.Log;

/// <summary>
/// One segment file of an open log: the records from <paramref name="First"/> to before <paramref name="Next"/>.
/// </summary>
/// <param name="Number">From 1, in the order of writing.</param>
/// <param name="Path">Its file.</param>
/// <param name="First">Its first record.</param>
/// <param name="Next">One past its last record; equal to <paramref name="First"/> while it is empty.</param>
/// <param name="Bytes">Bytes of it that are durable.</param>
/// <param name="IsSealed">Whether it is finished and will never change again.</param>
/// <param name="LastGroupMicros">When its last group was written, microseconds since 1970 UTC by the clock of that moment; null while it is empty.</param>
public sealed record LogSegment(long Number, string Path, LogSequence First, LogSequence Next, long Bytes, bool IsSealed, long? LastGroupMicros);
