using OrleansFeatures.Gateway.Registry;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

/// <summary>docs/definitions.md shows real files and real output.</summary>
public sealed class DocumentationTests
{
    private static readonly string Text = File.ReadAllText(Samples.RepositoryPath("docs/definitions.md"));

    [Fact]
    public void The_first_file_of_the_documentation_is_valid() => Samples.Read(Blocks("yaml")[0]).Errors.ShouldBeEmpty();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_errors_that_the_documentation_shows_are_the_errors_that_the_reader_reports(int example)
    {
        DefinitionReading reading = Samples.Read(Blocks("yaml")[example + 1]);
        string.Concat(reading.Errors.Select(error => $"{error}\n")).ShouldBe(Blocks("text")[example]);
    }

    [Fact]
    public void Every_key_of_the_schema_is_documented()
    {
        var keys = System.Text.RegularExpressions.Regex.Matches(DefinitionSchema.Json, "\"([a-z_]+)\": \\{ ?[\"$\\n]").Select(match => match.Groups[1].Value).Distinct().ToList();
        keys.ShouldContain("delay");
        keys.Except(["properties", "definitions", "items", "fields", "duration", "expression", "stream", "entity", "feature"]).Where(key => !Text.Contains($"`{key}`", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    private static List<string> Blocks(string language) =>
        [.. Text.Split($"```{language}\n").Skip(1).Select(part => part[..part.IndexOf("```", StringComparison.Ordinal)])];
}
