namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>How long is measured, and on how much.</summary>
/// <param name="Cards">Cards in the store.</param>
/// <param name="PastPayments">Their payments in the past day.</param>
/// <param name="Rounds">Turns of what is compared; odd, so that there is a median.</param>
/// <param name="Round">Of clients that ask without pause.</param>
/// <param name="Steady">Of requests at a fixed rate, without its warm-up.</param>
internal sealed record Pace(int Cards, int PastPayments, int Rounds, TimeSpan Round, TimeSpan Steady)
{
    /// <summary>Some ten minutes for all sections.</summary>
    public static readonly Pace Full = new(20_000, 500_000, 5, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(12));

    /// <summary>Some three: enough to see what is grossly wrong, not to publish.</summary>
    public static readonly Pace Quick = new(5_000, 100_000, 3, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4));

    /// <summary>
    /// Before anything counts: code is compiled in two steps, the second in the background after many calls. Ten seconds after the first request that still took a seventh of the store's CPU time, more than it takes of the echo's,
    /// which has less code.
    /// </summary>
    public static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(15);

    /// <summary>Of a steady rate: connections are open and code is compiled, but the generator has to find its pace.</summary>
    public static readonly TimeSpan SteadyWarmUp = TimeSpan.FromSeconds(1);
}
