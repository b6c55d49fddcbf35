namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>A clock that stands still, so that seeds are the same in every run.</summary>
internal sealed class SetTime : TimeProvider
{
    public static readonly SetTime Instance = new();

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddDays(20_000);
}
