using System.Text;
using OrleansFeatures.Gateway.Registry;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

public sealed class DefinitionFuzzTests
{
    private static readonly string[] Pieces =
    [
        " ", "\n", ":", ": ", "- ", "[", "]", "{", "}", ",", "'", "\"", "#", "&a ", "*a", "!x ", "|", ">", "\t", "---\n", "%", "@", "\\", "\u00e9", "\U0001F600",
        "version: 2", "where: x > 1", "null", "1e9", "name", "features", "feature_views:\n", "<<: ", "? ", "~", "0x", "\ud800", "\u0000", "\u2028", "\u0085",
        "by: fraud, ", "window: {last: 5}", "window: {tumbling: week, time_zone: Europe/Rome}", "window: {session: 1h, ", "window: lifetime", "time_zone: X/Y", "accuracy: {hop: 1s}", "    allowed_lateness: 5m\n",
    ];

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Mutated_files_never_throw_and_every_refusal_points_into_the_file(int seed)
    {
        var random = new Random(seed);
        int wellFormed = 0;
        for (int i = 0; i < 3_000; i++)
        {
            var text = new StringBuilder(Samples.Small);
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                Mutate(text, random);
            }

            string mutated = text.ToString();
            DefinitionReading reading = Should.NotThrow(() => Samples.Read(mutated), $"seed {seed}, file {i}:\n{mutated}");
            int lines = mutated.Split('\n').Length;
            (reading.Catalog is null).ShouldBe(reading.Errors.Length > 0, $"seed {seed}, file {i}");
            foreach (SourceError error in reading.Errors)
            {
                error.Line.ShouldBeInRange(1, lines + mutated.Count(c => c is '\u2028' or '\u0085'), $"seed {seed}, file {i}: {error}\n{mutated}");
                error.Column.ShouldBeGreaterThan(0, $"seed {seed}, file {i}: {error}");
                error.Suggestion.ShouldNotBeNullOrWhiteSpace($"seed {seed}, file {i}: {error}");
            }

            wellFormed += reading.Definitions.Streams.IsEmpty ? 0 : 1;
        }

        // Enough of them must get past YAML and the schema to try the catalog too.
        wellFormed.ShouldBeGreaterThan(100);
    }

    private static void Mutate(StringBuilder text, Random random)
    {
        int at = random.Next(text.Length);
        switch (random.Next(7))
        {
            case 0:
                text.Insert(at, Pieces[random.Next(Pieces.Length)]);
                break;
            case 1:
                text.Remove(at, Math.Min(random.Next(1, 12), text.Length - at));
                break;
            case 2:
                string piece = text.ToString(at, Math.Min(random.Next(1, 40), text.Length - at));
                text.Insert(random.Next(text.Length), piece);
                break;
            case 3:
                text.Insert(at, ' ');
                break;
            case 4 or 5:
                text.Remove(at, 1);
                break;
            default:
                text[at] = Pieces[random.Next(Pieces.Length)][0];
                break;
        }
    }
}
