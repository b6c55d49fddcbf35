using System.Runtime.InteropServices;

namespace OrleansFeatures.Benchmarks;

/// <summary>What a figure is worth nothing without: the machine and the command.</summary>
internal static class Machine
{
    public static string Text => $"{Processor() ?? "unknown processor"}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, .NET {Environment.Version}";

    public static void Print(string[] args)
    {
        Console.WriteLine($"machine: {Text}");
        Console.WriteLine($"command: {string.Join(' ', args)}");
        Console.WriteLine();
    }

    private static string? Processor()
    {
        const string processors = "/proc/cpuinfo";
        return File.Exists(processors)
            ? File.ReadLines(processors).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            : null;
    }
}
