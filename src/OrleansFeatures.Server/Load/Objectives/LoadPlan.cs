namespace OrleansFeatures.Server.Load.Objectives;

/// <summary>What a load plan file (slo.yaml) says: bounds, and the loads under which they are checked.</summary>
/// <param name="Objectives">The promise: a run that breaks one fails.</param>
/// <param name="Bars">Tighter bounds of our own: a run that misses one says so.</param>
/// <param name="Scenarios">By name.</param>
internal sealed record LoadPlan(IReadOnlyList<Objective> Objectives, IReadOnlyList<Objective> Bars, IReadOnlyDictionary<string, Scenario> Scenarios);

/// <summary>One load: requests a second of each operation, in the order of the file, and how they are made.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Duration">Of the whole run, its warm-up included.</param>
/// <param name="Rates">Per operation; at least one.</param>
/// <param name="Rows">Entities of one batch.</param>
/// <param name="Events">Events of one push.</param>
/// <param name="Spike">What the rates rise to in the middle of the run, as a factor; 1: they stay.</param>
internal sealed record Scenario(string Name, TimeSpan Duration, IReadOnlyList<(string Operation, double Rate)> Rates, int Rows, int Events, double Spike)
{
    /// <summary>Requests a second at the base rate, of all operations.</summary>
    public double Rate => Rates.Sum(each => each.Rate);

    /// <summary>The same mixture at another rate.</summary>
    public Scenario AtRate(double rate) => this with { Rates = [.. Rates.Select(each => (each.Operation, each.Rate * rate / Rate))] };
}

/// <summary>What is asked of the server; the words of scenarios and objectives.</summary>
internal static class Operations
{
    public const string Lookup = "lookup";
    public const string Batch = "batch";
    public const string Observe = "observe";
    public const string Push = "push";
    public const string Readable = "readable";

    public static IReadOnlyList<string> All { get; } = [Lookup, Batch, Observe, Push, Readable];
}
