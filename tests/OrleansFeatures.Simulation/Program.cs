namespace OrleansFeatures.Simulation;

/// <summary>
/// <c>dotnet test</c> finds the tests here; <c>dotnet run --project tests/OrleansFeatures.Simulation -- --minutes 5</c> runs seeds for as long as one likes.
/// </summary>
internal static class Program
{
    public static int Main(string[] args) =>
        args is ["--minutes" or "--seed" or "--seeds" or "--help", ..]
            ? SimulationCommand.Run(args)
            : Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).GetAwaiter().GetResult();
}
