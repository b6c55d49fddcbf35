using System.Collections.Immutable;
using System.Text.RegularExpressions;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Gateway.Registry;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

/// <summary>docs/definitions.md shows real files and real output.</summary>
public sealed class DocumentationTests
{
    private static readonly string Text = File.ReadAllText(Samples.RepositoryPath("docs/definitions.md"));
    private static readonly ImmutableArray<(string Language, string Text)> Blocks = ReadBlocks();

    /// <summary>Every example is a whole file, or the views or features of one that begins as the first.</summary>
    public static readonly TheoryData<int> Examples = [.. Enumerable.Range(0, Blocks.Length).Where(index => Blocks[index].Language == "yaml")];

    /// <summary>An example is right, unless what it says follows it: then it says exactly that.</summary>
    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_example_of_the_documentation_is_read_as_it_says(int block)
    {
        DefinitionReading reading = Samples.Read(Whole(Blocks[block].Text));
        string errors = string.Concat(reading.Errors.Select(error => $"{error}\n"));
        errors.ShouldBe(block + 1 < Blocks.Length && Blocks[block + 1].Language == "text" ? Blocks[block + 1].Text : "", Blocks[block].Text);
    }

    [Fact]
    public void Every_aggregate_has_a_row_of_the_table()
    {
        foreach (string name in AggregateCall.Names)
        {
            Text.Split('\n').ShouldContain(line => line.StartsWith('|') && Regex.IsMatch(line.Split('|')[1], $"`{name}[`(]"), name);
            SchemaLine("\"description\": \"count, sum").ShouldMatch($"\\b{name}\\b");
        }
    }

    [Fact]
    public void Every_key_of_the_schema_is_documented()
    {
        var keys = Regex.Matches(DefinitionSchema.Json, "\"([a-z_]+)\": \\{ ?[\"$\\n]").Select(match => match.Groups[1].Value).Distinct().ToList();
        keys.ShouldContain("delay");
        keys.Except(["properties", "definitions", "items", "fields", "duration", "expression", "stream", "entity", "feature"]).Where(key => !Text.Contains($"`{key}`", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    private static string SchemaLine(string part) => DefinitionSchema.Json.Split('\n').Single(line => line.Contains(part, StringComparison.Ordinal));

    private static string Whole(string example)
    {
        if (example.StartsWith("apiVersion", StringComparison.Ordinal))
        {
            return example;
        }

        string first = Blocks.First(block => block.Language == "yaml").Text;
        string head = first[..first.IndexOf("feature_views:", StringComparison.Ordinal)];
        return example.StartsWith("feature_views:", StringComparison.Ordinal)
            ? head + example
            : head + "feature_views:\n  - name: example\n    entity: customer\n    stream: transactions\n" + string.Concat(example.Split('\n').Select(line => $"    {line}\n"));
    }

    /// <summary>Fenced blocks that say their language, in the order of the text.</summary>
    private static ImmutableArray<(string Language, string Text)> ReadBlocks() =>
        [.. Regex.Matches(Text, "^```([a-z]*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline).Select(match => (match.Groups[1].Value, match.Groups[2].Value)).Where(block => block.Item1.Length > 0)];
}
