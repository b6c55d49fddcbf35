using System.Globalization;
using System.Text.RegularExpressions;
using OrleansFeatures.Silo.Operations;

namespace OrleansFeatures.Silo.Tests.Operations;

public sealed partial class MetricsTextTests
{
    [Fact]
    public void Every_metric_says_what_it_is_before_its_numbers()
    {
        string text = new MetricsText().Gauge("silo_ready", "1 when ready.", 1).Counter("events_accepted_total", "Events.", 12_345_678_901).ToString();
        text.ShouldBe("""
            # HELP orleansfeatures_silo_ready 1 when ready.
            # TYPE orleansfeatures_silo_ready gauge
            orleansfeatures_silo_ready 1
            # HELP orleansfeatures_events_accepted_total Events.
            # TYPE orleansfeatures_events_accepted_total counter
            orleansfeatures_events_accepted_total 12345678901

            """.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Values_of_labels_are_escaped()
    {
        string text = new MetricsText().Each("gauge", "odd", "Odd.", "name", [("a\"b\\c\nd", 0.5)]).ToString();
        text.ShouldEndWith("orleansfeatures_odd{name=\"a\\\"b\\\\c\\nd\"} 0.5\n");
        ShouldParse(text);
        string two = new MetricsText().Each("counter", "odd_total", "Odd.", "one", "other", [("a", "b\"", 2)]).ToString();
        two.ShouldEndWith("orleansfeatures_odd_total{one=\"a\",other=\"b\\\"\"} 2\n");
        ShouldParse(two);
    }

    [Fact]
    public void A_histogram_counts_everything_up_to_each_bound()
    {
        string text = new MetricsText().Histogram("seconds", "Time.", [0.1, 1], [3, 2, 1], 4.25).ToString();
        text.ShouldContain("orleansfeatures_seconds_bucket{le=\"0.1\"} 3\n");
        text.ShouldContain("orleansfeatures_seconds_bucket{le=\"1\"} 5\n");
        text.ShouldContain("orleansfeatures_seconds_bucket{le=\"+Inf\"} 6\n");
        text.ShouldContain("orleansfeatures_seconds_sum 4.25\norleansfeatures_seconds_count 6\n");
        ShouldParse(text);
    }

    /// <summary>Every line is a comment that names a metric, or a sample of a metric that was named: name, labels, number.</summary>
    internal static IReadOnlyDictionary<string, double> ShouldParse(string text)
    {
        var named = new HashSet<string>();
        var samples = new Dictionary<string, double>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (Type().Match(line) is { Success: true } type)
            {
                named.Add(type.Groups[1].Value).ShouldBeTrue($"declared twice: {line}");
            }
            else if (!line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                Match sample = Sample().Match(line);
                sample.Success.ShouldBeTrue(line);
                string name = sample.Groups[1].Value;
                named.ShouldContain(declared => name == declared || (name.StartsWith(declared, StringComparison.Ordinal) && (name.EndsWith("_bucket", StringComparison.Ordinal) || name.EndsWith("_sum", StringComparison.Ordinal) || name.EndsWith("_count", StringComparison.Ordinal))), line);
                samples.TryAdd(line[..line.LastIndexOf(' ')], double.Parse(sample.Groups[2].Value, CultureInfo.InvariantCulture)).ShouldBeTrue($"twice: {line}");
            }
        }

        return samples;
    }

    [GeneratedRegex("^# TYPE ([a-z_]+) (gauge|counter|histogram)$")]
    private static partial Regex Type();

    [GeneratedRegex("""^([a-z_]+)(?:\{[a-z_]+="(?:[^"\\]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\]|\\["\\n])*")*\})? (\S+)$""")]
    private static partial Regex Sample();
}
