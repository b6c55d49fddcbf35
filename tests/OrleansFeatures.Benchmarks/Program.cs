using OrleansFeatures.Benchmarks;
using OrleansFeatures.Benchmarks.Kernel;
using OrleansFeatures.Benchmarks.Serving;
using OrleansFeatures.Benchmarks.Serving.Echo;
using OrleansFeatures.Benchmarks.Serving.Overload;
using OrleansFeatures.Benchmarks.Serving.Redis;

// Servers that a benchmark starts as processes of their own: no benchmarks themselves.
Dictionary<string, Func<Arguments, Task>> servers = new() { [EchoProgram.Name] = EchoProgram.Run, [RedisProgram.Name] = RedisProgram.Run };
if (args.Length > 0 && servers.TryGetValue(args[0], out var server))
{
    await server(new Arguments(args[1..]));
    return 0;
}

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
    ["follow"] = (FollowBenchmark.About, FollowBenchmark.Run),
    ["serving"] = (ServingSuite.About, ServingSuite.Run),
    ["overload"] = (OverloadSuite.About, OverloadSuite.Run),
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
