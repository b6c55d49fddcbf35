namespace OrleansFeatures.Silo.Grains;

/// <summary>What operators see of a partition's checkpoints, since its owner claimed it.</summary>
/// <param name="Number">How many.</param>
/// <param name="At">When the newest was durable.</param>
/// <param name="Rows">That it wrote.</param>
/// <param name="Bytes">Of states.</param>
/// <param name="Took">How long it took.</param>
/// <param name="Failures">How many failed.</param>
/// <param name="LastFailure">What the newest failure said; null once one has succeeded since.</param>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.CheckpointReport")]
internal sealed record CheckpointReport(
    [property: Id(0)] long Number,
    [property: Id(1)] DateTimeOffset At,
    [property: Id(2)] long Rows,
    [property: Id(3)] long Bytes,
    [property: Id(4)] TimeSpan Took,
    [property: Id(5)] long Failures,
    [property: Id(6)] string? LastFailure)
{
    public static readonly CheckpointReport None = new(0, DateTimeOffset.UnixEpoch, 0, 0, TimeSpan.Zero, 0, null);
}
