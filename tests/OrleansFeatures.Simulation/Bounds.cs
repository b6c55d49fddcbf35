namespace OrleansFeatures.Simulation;

/// <summary>The sizes of a simulated world: small, so that a seed is a fraction of a second and everything collides with everything.</summary>
internal static class Bounds
{
    /// <summary>A step takes up to so long: group commits of a millisecond then see a few steps.</summary>
    public const int StepMicrosMax = 400;

    /// <summary>Lines that a failure prints.</summary>
    public const int TraceLinesKept = 80;

    public const long HourMicros = 3_600_000_000;

    public const int PartitionCount = 4;

    public const int Clients = 4;

    public const int Customers = 7;

    public const int Shops = 4;

    public const int Pages = 5;

    /// <summary>Events of ids that every client writes to.</summary>
    public const int SharedIds = 6;

    public const int BatchEventsMax = 14;

    /// <summary>Some hundred batches take so many.</summary>
    public const int StepsPerLifeMax = 20_000;

    /// <summary>Steps without any client getting done after which the store is stuck: a batch takes some dozens.</summary>
    public const int StuckSteps = 200_000;
}
