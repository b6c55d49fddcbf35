using System.Runtime.InteropServices;

namespace OrleansFeatures.Benchmarks;

/// <summary>What a figure is worth nothing without: the machine and the command.</summary>
internal static class Machine
{
    public static void Print(string[] args)
    {
        const string processors = "/proc/cpuinfo";
        var model = File.Exists(processors)
            ? File.ReadLines(processors).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            : null;
        Console.WriteLine($"machine: {model ?? "unknown processor"}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, .NET {Environment.Version}");
        Console.WriteLine($"command: {string.Join(' ', args)}");
        Console.WriteLine();
    }
}
