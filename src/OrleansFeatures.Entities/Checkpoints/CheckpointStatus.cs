namespace OrleansFeatures.Entities.Checkpoints;

/// <summary>What operators see of checkpoints.</summary>
/// <param name="Number">Of the newest that counts; 0 before the first.</param>
/// <param name="WrittenMicros">When that was.</param>
/// <param name="Through">A restart replays the log from behind this sequence.</param>
/// <param name="Entities">Saved or carried over by the newest since start.</param>
/// <param name="Bytes">That it wrote.</param>
/// <param name="Took">How long it took; events and reads went on.</param>
/// <param name="StateBytes">Of all state files.</param>
/// <param name="Failures">Since start.</param>
/// <param name="LastFailure">What the newest failure said; null once one has succeeded since.</param>
public sealed record CheckpointStatus(
    long Number, long WrittenMicros, long Through, long Entities, long Bytes, TimeSpan Took, long StateBytes, long Failures, string? LastFailure);
