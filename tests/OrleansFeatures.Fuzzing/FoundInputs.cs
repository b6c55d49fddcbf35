using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Fuzzing.Targets;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Fuzzing;

/// <summary>Inputs that once crashed a parser or were understood wrongly, by what was the matter with them, and what becomes of them now. The files lie in the corpus too, so every fuzzing begins with them.</summary>
public sealed class FoundInputs
{
    public static TheoryData<string, string, string> All() => new()
    {
        { "push", "found-length-that-overflows", "no field that fits" },
        { "push", "found-length-of-numbers-that-overflows", "no field that fits" },
        { "push", "found-length-of-two-gigabytes", "no field that fits" },
        { "read", "found-group-that-ends-early", "no field that fits" },
        { "log", "found-mark-of-a-segment-that-is-gone", "the segment is missing" },
        { "log", "found-mark-and-nothing-else", "the manifest and all segments are missing" },
        { "log", "found-first-sequence-below-zero", "counters that no log comes to" },
        { "snapshot", "found-index-block-before-the-file", "does not end with the footer" },
        { "snapshot", "found-footer-counts-below-zero", "does not end with the footer" },
        { "sums", "found-compacted-through-no-time", "through no time" },
        { "sums", "found-text-not-utf8", "a text is not UTF-8" },
    };

    [Theory]
    [MemberData(nameof(All))]
    public void What_once_crashed_is_refused_with_its_reason(string target, string file, string reason)
    {
        byte[] input = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Corpus", target, file + ".bin"));
        using FuzzTarget parser = AllTargets.Create(target);
        using var execution = new Execution(parser);
        execution.Run(input, out Verdict verdict).ShouldBeNull();
        verdict.Accepted.ShouldBeFalse();
        verdict.Kind.ShouldContain(reason);
    }

    [Fact]
    public void Every_found_input_has_its_test() => AllTargets.Names
        .SelectMany(target => Corpus.Files(target).Select(file => (target, Path.GetFileNameWithoutExtension(file))))
        .Where(file => file.Item2.StartsWith("found-", StringComparison.Ordinal))
        .ShouldBe(All().Select(row => (row.Data.Item1, row.Data.Item2)), ignoreOrder: true);
}
