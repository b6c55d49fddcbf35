using System.Diagnostics;
using System.Globalization;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Fuzzing.Targets;

namespace OrleansFeatures.Fuzzing;

/// <summary>
/// <code>
///   --minutes N [--target X[,Y]] [--seed S] [--out DIR]     fuzzes; exit code 1 if anything crashed, with a file for each crash
///   --replay FILE --target X                                runs one input and shows what becomes of it
///   --write-corpus                                          writes the seeds as files into the repository's Corpus folder
/// </code>
/// </summary>
internal static class FuzzCommand
{
    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(30);

    public static bool IsMeant(string[] args) => args.Any(arg => arg is "--minutes" or "--replay" or "--write-corpus" or "--help");

    public static int Run(string[] args)
    {
        if (args.Contains("--help"))
        {
            Console.WriteLine($"--minutes N [--target X[,Y]] [--seed S] [--out DIR] | --replay FILE --target X | --write-corpus\ntargets: {string.Join(", ", AllTargets.Names)}");
            return 0;
        }

        string[] names = Of(args, "--target")?.Split(',') ?? AllTargets.Names;
        if (names.Except(AllTargets.Names).FirstOrDefault() is { } unknown)
        {
            Console.Error.WriteLine($"there is no target '{unknown}'; the targets are {string.Join(", ", AllTargets.Names)}");
            return 2;
        }

        if (Of(args, "--replay") is { } file)
        {
            return Replay(names[0], file);
        }

        return args.Contains("--write-corpus") ? WriteCorpus(names) : Fuzz(names, double.Parse(Of(args, "--minutes") ?? "1", CultureInfo.InvariantCulture), SeedOf(Of(args, "--seed")), Of(args, "--out") ?? Execution.Folder);
    }

    /// <summary>The table of runs: what a report needs.</summary>
    public static string Table(IEnumerable<FuzzRun> runs) =>
        $"{"target",-12} {"seed",11} {"inputs",12} {"accepted",12} {"refused",12} {"new corpus",10} {"crashes",8} {"inputs/s",9}\n"
        + string.Concat(runs.Select(run => string.Create(CultureInfo.InvariantCulture, $"{run.Target,-12} {run.Seed,11} {run.Inputs,12:N0} {run.Accepted,12:N0} {run.Refused,12:N0} {run.NewCorpus,10:N0} {run.Found.Count,8:N0} {run.Inputs / Math.Max(0.001, run.Elapsed.TotalSeconds),9:N0}\n")));

    /// <summary>What a person needs of a crash: how to see it again, and what it is.</summary>
    public static string Describe(FuzzRun run, Crash crash) =>
        $"{run.Target}, seed {run.Seed}: {crash.Key}\n  {crash.Input.Length} bytes, base64 {Convert.ToBase64String(crash.Input.AsSpan(0, Math.Min(crash.Input.Length, 600)))}\n  {crash.Exception.ToString().ReplaceLineEndings("\n  ")}";

    private static int Fuzz(string[] names, double minutes, int seed, string folder)
    {
        Console.WriteLine($"seed {seed}, {names.Length} targets, {minutes} minutes; a crash is written to {folder}");
        List<FuzzRun> runs = [.. names.Select(name => new FuzzRun(AllTargets.Create(name), seed))];
        var clock = Stopwatch.StartNew();
        var total = TimeSpan.FromMinutes(minutes);
        TimeSpan shown = TimeSpan.Zero;
        HashSet<Crash> reported = [];
        while (clock.Elapsed < total && runs.Any(run => !run.IsOver))
        {
            foreach (FuzzRun run in runs.Where(run => !run.IsOver))
            {
                run.GoOn(long.MaxValue / 2, TimeSpan.FromTicks(Math.Min(Slice.Ticks, Math.Max(TimeSpan.TicksPerMillisecond * 200, (total - clock.Elapsed).Ticks / names.Length))));
                if (clock.Elapsed - shown > ProgressEvery)
                {
                    shown = clock.Elapsed;
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed:mm\\:ss} {runs.Sum(done => done.Inputs):N0} inputs, {runs.Sum(done => done.NewCorpus):N0} new, {runs.Sum(done => done.Found.Count)} crashes; at {run.Target}"));
                }
            }

            foreach ((FuzzRun run, Crash crash) in runs.SelectMany(run => run.Found.Select(crash => (run, crash))).Where(found => reported.Add(found.crash)))
            {
                Console.WriteLine($"CRASH {Describe(run, crash)}\n  written to {Reproducer.Write(folder, run.Target, "crash", crash.Input)}");
            }
        }

        Console.WriteLine(Table(runs));
        int crashes = runs.Sum(run => run.Found.Count);
        runs.ForEach(run => run.Dispose());
        return crashes == 0 ? 0 : 1;
    }

    private static int Replay(string name, string file)
    {
        using FuzzTarget target = AllTargets.Create(name);
        using var execution = new Execution(target);

        // The first input of a process pays for what is made once; a run's first is a seed.
        execution.Run(target.Seeds().First(), out _);
        Crash? crash = execution.Run(File.ReadAllBytes(file), out Verdict verdict);
        Console.WriteLine(crash is null ? $"{(verdict.Accepted ? "accepted" : "refused")}: {verdict.Kind}" : $"CRASH {crash.Key}\n{crash.Exception}");
        return crash is null ? 0 : 1;
    }

    private static int WriteCorpus(string[] names)
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "OrleansFeatures.sln")))
        {
            root = Path.GetDirectoryName(root) ?? throw new InvalidOperationException("the repository was not found above this program");
        }

        foreach (string name in names)
        {
            using FuzzTarget target = AllTargets.Create(name);
            foreach (byte[] seed in target.Seeds().Where(seed => seed.Length <= Limits.CorpusFileBytesMax))
            {
                Console.WriteLine(Reproducer.Write(Path.Combine(root, "tests", "OrleansFeatures.Fuzzing", "Corpus"), name, "seed", seed));
            }
        }

        return 0;
    }

    private static int SeedOf(string? text) => text is null ? Random.Shared.Next() : int.Parse(text, CultureInfo.InvariantCulture);

    private static string? Of(string[] args, string option)
    {
        int at = Array.IndexOf(args, option);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
    }
}
