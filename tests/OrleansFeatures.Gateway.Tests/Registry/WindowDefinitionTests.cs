using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Registry;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

/// <summary>Windows, categories, accuracy and lateness as files say them, as plans compare them, and as the registry writes them.</summary>
public sealed class WindowDefinitionTests
{
    private static readonly Duration HalfHour = new(1_800_000_000);
    private static readonly Duration TwelveHours = new(12L * 3_600_000_000);

    public static readonly TheoryData<string, string> Windows = new()
    {
        { "90s", "90s" },
        { "lifetime", "lifetime" },
        { "'lifetime'", "lifetime" },
        { "{tumbling: 1d}", "tumbling 1d UTC" },
        { "{tumbling: 15m, time_zone: Asia/Kolkata}", "tumbling 15m Asia/Kolkata" },
        { "{time_zone: America/Argentina/Buenos_Aires, tumbling: 3d}", "tumbling 3d America/Argentina/Buenos_Aires" },
        { "{tumbling: week, time_zone: Etc/GMT+5}", "tumbling week Etc/GMT+5" },
        { "{tumbling: month, time_zone: UTC}", "tumbling month UTC" },
        { "{session: 30m}", "session 30m max 1d" },
        { "{session: 30m, max: 12h}", "session 30m max 12h" },
        { "{last: 100}", "last 100" },
        { "{last: 1}", "last 1" },
    };

    [Theory]
    [MemberData(nameof(Windows))]
    public void A_window_is_read_and_written_back_the_same(string yaml, string expected)
    {
        DefinitionSet set = Read($"window: {yaml}");
        WindowDefinition window = set.FeatureViews[0].Features[0].Window;
        window.ToString().ShouldBe(expected);
        DefinitionSet again = Read($"window: {LineOf(set, "window: ")}");
        again.FeatureViews[0].Features[0].Window.ShouldBe(window);
        DefinitionHash.Of(again).ShouldBe(DefinitionHash.Of(set));
    }

    [Fact]
    public void Every_window_has_a_hash_of_its_own()
    {
        string[] hashes = [.. Windows.Select(row => row.Data.Item1).Where(yaml => yaml[0] != '\'').Select(yaml => DefinitionHash.Of(Read($"window: {yaml}")))];
        hashes.Distinct().Count().ShouldBe(hashes.Length);
    }

    [Fact]
    public void By_accuracy_and_allowed_lateness_are_read()
    {
        FeatureViewDefinition view = Read("window: 1d, by: customer_id, accuracy: {exact_for: 12h, hop: 30m}", "allowed_lateness: 90m").FeatureViews[0];
        view.AllowedLateness.ShouldBe(new Duration(90 * 60_000_000L));
        view.Features[0].By.ShouldBe("customer_id");
        view.Features[0].Accuracy.ShouldBe(new AccuracyDefinition(TwelveHours, HalfHour));
        Read("window: 1d").FeatureViews[0].AllowedLateness.ShouldBeNull();
        Read("window: 1d", "allowed_lateness: 0s").FeatureViews[0].AllowedLateness.ShouldBe(Duration.Zero, "no lateness is not the same as any lateness");
    }

    [Fact]
    public void An_accuracy_that_is_said_in_part_is_as_usual_in_the_other()
    {
        AccuracyDefinition usual = Catalog.AccuracyDefault;
        Read("window: 1d, accuracy: {exact_for: 12h}").FeatureViews[0].Features[0].Accuracy.ShouldBe(usual with { ExactFor = TwelveHours });
        Read("window: 1d, accuracy: {hop: 30m}").FeatureViews[0].Features[0].Accuracy.ShouldBe(usual with { Hop = HalfHour });
        Read($"window: 1d, accuracy: {{exact_for: {usual.ExactFor}, hop: {usual.Hop}}}").FeatureViews[0].Features[0].Accuracy.ShouldBeNull("it says what holds anyway");
    }

    [Theory]
    [InlineData("window: 2d", "", "feature nb_1d: window 1d -> 2d", PlanVerdict.Breaking)]
    [InlineData("window: {tumbling: 1d}", "", "feature nb_1d: window 1d -> tumbling 1d UTC", PlanVerdict.Breaking)]
    [InlineData("window: {tumbling: week, time_zone: Europe/Zurich}", "", "feature nb_1d: window 1d -> tumbling week Europe/Zurich", PlanVerdict.Breaking)]
    [InlineData("window: {session: 30m}", "", "feature nb_1d: window 1d -> session 30m max 1d", PlanVerdict.Breaking)]
    [InlineData("window: {last: 7}", "", "feature nb_1d: window 1d -> last 7", PlanVerdict.Breaking)]
    [InlineData("window: lifetime", "", "feature nb_1d: window 1d -> lifetime", PlanVerdict.Breaking)]
    [InlineData("window: 1d, by: fraud", "", "feature nb_1d: by none -> fraud", PlanVerdict.Breaking)]
    [InlineData("window: 1d, accuracy: {exact_for: 48h, hop: 5m}", "", "feature nb_1d: accuracy exact for 1h in hops of 1m -> exact for 2d in hops of 5m", PlanVerdict.Compatible)]
    [InlineData("window: 1d", "allowed_lateness: 1h", "allowed_lateness none -> 1h", PlanVerdict.Breaking)]
    public void A_change_of_what_a_value_is_breaks_and_a_change_of_accuracy_does_not(string feature, string view, string detail, PlanVerdict verdict)
    {
        DefinitionSet before = Read("window: 1d");
        DefinitionSet after = Read(feature, view);
        foreach ((DefinitionSet from, DefinitionSet to, string shown) in new[] { (before, after, detail), (after, before, Reversed(detail)) })
        {
            DefinitionChange change = DefinitionPlanner.Compare(from, to).ShouldHaveSingleItem();
            (change.What, change.Detail, change.Verdict).ShouldBe(("feature view spend@1", shown, verdict));
            change.Fix.ShouldBe(verdict == PlanVerdict.Breaking ? "leave version 1 as it is and define version 2 beside it" : "");
        }

        DefinitionHash.Of(after).ShouldNotBe(DefinitionHash.Of(before));
    }

    [Theory]
    [InlineData("window: 1d", "window: 24h")]
    [InlineData("window: {tumbling: 1d}", "window: {tumbling: 24h, time_zone: UTC}")]
    [InlineData("window: {session: 30m}", "window: {session: 1800s, max: 24h}")]
    [InlineData("window: 1d, accuracy: {hop: 1m}", "window: 1d")]
    public void Another_spelling_is_the_same_window(string one, string other)
    {
        DefinitionPlanner.Compare(Read(one), Read(other)).ShouldBeEmpty();
        DefinitionHash.Of(Read(one)).ShouldBe(DefinitionHash.Of(Read(other)));
    }

    [Theory]
    [InlineData("count()", "count")]
    [InlineData("ewma( amount , 60m )", "ewma(amount, 1h)")]
    [InlineData("top_k(amount, 3.0)", "top_k(amount, 3)")]
    [InlineData("percentile(amount,.50)", "percentile(amount, 0.5)")]
    [InlineData("histogram(amount,1e1,1.5e2,-0)", "histogram(amount,1e1,1.5e2,-0)")]
    [InlineData("histogram(amount,-1,1e1,1.50e2)", "histogram(amount, -1, 10, 150)")]
    [InlineData("mean(amount)", "mean(amount)")]
    public void An_aggregate_has_one_spelling(string written, string canonical)
    {
        DefinitionText.Aggregate(written).ShouldBe(canonical);
        DefinitionText.Aggregate(canonical).ShouldBe(canonical);
    }

    [Fact]
    public void A_view_written_as_YAML_is_read_back_the_same()
    {
        DefinitionSet set = Read("window: {session: 5m}, by: fraud, accuracy: {exact_for: 12h, hop: 1m}", "allowed_lateness: 0s");
        string text = Samples.Small[..Samples.Small.IndexOf("  - name: spend", StringComparison.Ordinal)]
            + string.Concat(DefinitionText.Of(set.FeatureViews[0]).Split('\n').Select(line => $"  {line}\n"));
        DefinitionSet again = Samples.Read(text).Definitions;
        again.FeatureViews.ShouldHaveSingleItem(text).Features.ShouldBe(set.FeatureViews[0].Features);
        again.FeatureViews[0].AllowedLateness.ShouldBe(Duration.Zero);
    }

    private static DefinitionSet Read(string feature, string view = "")
    {
        string text = Samples.With("window: 1d", feature).Replace("    stream: transactions\n", $"    stream: transactions\n    {view}\n", StringComparison.Ordinal);
        DefinitionReading reading = Samples.Read(text);
        reading.Definitions.FeatureViews.ShouldHaveSingleItem(string.Join("\n", reading.Errors));
        return reading.Definitions;
    }

    /// <summary>What the registry's YAML says after the first such key.</summary>
    private static string LineOf(DefinitionSet set, string key)
    {
        ImmutableArray<string> lines = [.. DefinitionText.Of(set.FeatureViews[0]).Split('\n')];
        string line = lines.First(line => line.Contains(key, StringComparison.Ordinal));
        return line[(line.IndexOf(key, StringComparison.Ordinal) + key.Length)..];
    }

    /// <summary>"part before -> after" with the two exchanged.</summary>
    private static string Reversed(string detail)
    {
        string part = detail.StartsWith("allowed_lateness", StringComparison.Ordinal) ? "allowed_lateness" : detail[..detail.IndexOf(' ', detail.IndexOf(": ", StringComparison.Ordinal) + 2)];
        string[] sides = detail[(part.Length + 1)..].Split(" -> ");
        return $"{part} {sides[1]} -> {sides[0]}";
    }
}
