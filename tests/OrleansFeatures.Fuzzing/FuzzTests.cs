using System.Globalization;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Fuzzing.Targets;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Fuzzing;

/// <summary>
/// Every parser of foreign bytes, for a while: the corpus first, which holds every input that ever crashed, then mutations of it. FUZZ_SEED=n in the environment gives other mutations; the seed is
/// in the output and in every failure.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    public static TheoryData<string> Targets() => [.. AllTargets.Names];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Foreign_bytes_are_read_or_refused(string target)
    {
        int seed = Environment.GetEnvironmentVariable("FUZZ_SEED") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : 1;
        using var run = new FuzzRun(AllTargets.Create(target), seed);
        run.GoOn(long.MaxValue / 2, TimeSpan.FromMilliseconds(Limits.TestMillisecondsPerTarget));
        output.WriteLine(FuzzCommand.Table([run]));
        foreach (Crash crash in run.Found)
        {
            string file = Reproducer.Write(Execution.Folder, target, "crash", crash.Input);
            output.WriteLine($"{FuzzCommand.Describe(run, crash)}\n  written to {file}");
        }

        run.Found.Select(crash => FuzzCommand.Describe(run, crash)).ShouldBeEmpty($"seed {seed}");
        run.Accepted.ShouldBeGreaterThan(0, "a target that accepts nothing tests nothing");
        run.Refused.ShouldBeGreaterThan(0, "a target that refuses nothing tests nothing");
    }
}
