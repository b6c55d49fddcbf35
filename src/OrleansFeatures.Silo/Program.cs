namespace OrleansFeatures.Silo;

/// <summary>One silo of a cluster.</summary>
internal static class Program
{
    private static int Main()
    {
        Console.Error.WriteLine("orleans-features-silo: no command was given");
        return 2;
    }
}
