namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>What stands for several rounds: the machine may be doing something else in some of them.</summary>
internal static class Median
{
    public static double Of<T>(IReadOnlyList<T> rounds, Func<T, double> value) => rounds.Select(value).Order().ElementAt(rounds.Count / 2);
}
