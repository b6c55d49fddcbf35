using OrleansFeatures.Benchmarks;
using OrleansFeatures.Benchmarks.Kernel;

// One line per benchmark: add yours here and keep it in a file of its own.
Dictionary<string, (string About, Func<Arguments, Task> Run)> benchmarks = new()
{
    ["log"] = (LogBenchmark.About, LogBenchmark.Run),
    ["state"] = (StateBenchmark.About, StateBenchmark.Run),
    ["host"] = (HostBenchmark.About, HostBenchmark.Run),
    ["checkpoints"] = (CheckpointBenchmark.About, CheckpointBenchmark.Run),
    ["restart"] = (RestartBenchmark.About, RestartBenchmark.Run),
    ["corrections"] = (CorrectionBenchmark.About, CorrectionBenchmark.Run),
    ["lookups"] = (LookupBenchmark.About, LookupBenchmark.Run),
    ["end-to-end"] = (EndToEndBenchmark.About, EndToEndBenchmark.Run),
    ["states"] = (StatesBenchmark.About, StatesBenchmark.Run),
    ["postgres-log"] = (PostgresLogBenchmark.About, PostgresLogBenchmark.Run),
    ["kernel"] = (KernelBenchmark.About, KernelBenchmark.Run),
};

if (args.Length == 0 || !benchmarks.TryGetValue(args[0], out var benchmark))
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project tests/OrleansFeatures.Benchmarks -- NAME [--option value ...]");
    foreach (var (name, (about, _)) in benchmarks)
    {
        Console.Error.WriteLine($"  {name,-12} {about}");
    }

    return 2;
}

Machine.Print(args);
await benchmark.Run(new Arguments(args[1..]));
return 0;
