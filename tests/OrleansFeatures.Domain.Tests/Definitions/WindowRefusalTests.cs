using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Definitions;

public sealed class WindowRefusalTests
{
    private static readonly Duration Hour = new(3_600_000_000);

    [Theory]
    [InlineData("Europe/Zurihc", "there is no time zone 'Europe/Zurihc'", "did you mean 'Europe/Zurich'?")]
    [InlineData("europe/zurich", "there is no time zone 'europe/zurich'", "did you mean 'Europe/Zurich'?")]
    [InlineData("localtime", "there is no time zone 'localtime'", "IANA name")]
    [InlineData("right/Europe/Zurich", "there is no time zone 'right/Europe/Zurich'", "Europe/Zurich")]
    [InlineData("../zoneinfo/UTC", "there is no time zone", "IANA name")]
    [InlineData("Middle-earth/Bree", "there is no time zone", "IANA name")]
    [InlineData("", "there is no time zone ''", "IANA name")]
    public void An_unknown_time_zone_is_refused_with_a_suggestion(string zone, string message, string suggestion)
    {
        for (int round = 0; round < 2; round++)
        {
            // The second time the runtime has listed all zones and would take any spelling.
            DefinitionProblem problem = ProblemOf(Feature(WindowDefinition.Tumbling(CalendarUnit.Week, zone)));
            problem.Path.ShouldBe("feature_views[0].features[0].window.time_zone");
            problem.Message.ShouldStartWith(message);
            problem.Suggestion.ShouldContain(suggestion);
        }
    }

    [Fact]
    public void A_tumbling_window_begins_at_the_same_time_every_day()
    {
        foreach (long minutes in new[] { 0, 7, 25, 300, 1_500, 36 * 60 })
        {
            DefinitionProblem problem = ProblemOf(Feature(WindowDefinition.Tumbling(new Duration(minutes * 60_000_000), "Europe/Zurich")));
            (problem.Path, problem.Suggestion).ShouldBe(("feature_views[0].features[0].window", "a length that divides a day, a number of days, week or month"));
        }
    }

    [Fact]
    public void Counts_gaps_spans_and_delays_have_bounds()
    {
        (WindowDefinition Window, Duration Delay, string Suggestion)[] cases =
        [
            (WindowDefinition.Last(0), Duration.Zero, "1 to 10000"),
            (WindowDefinition.Last(10_001), Duration.Zero, "1 to 10000"),
            (WindowDefinition.Session(Duration.Zero), Duration.Zero, "a gap above zero, and at most as long as the span"),
            (WindowDefinition.Session(Duration.Days(2)), Duration.Zero, "a gap above zero, and at most as long as the span"),
            (WindowDefinition.Session(Hour, Duration.Days(4_000)), Duration.Zero, "window above zero, window plus delay at most 3650d"),
            (WindowDefinition.Tumbling(Duration.Days(3_000)), Duration.Days(3_000), "window above zero, window plus delay at most 3650d"),
            (WindowDefinition.Lifetime, Duration.Days(4_000), "window above zero, window plus delay at most 3650d"),
            (WindowDefinition.Last(5), Duration.Days(4_000), "window above zero, window plus delay at most 3650d"),
            (Duration.Days(1), new Duration(-1), "0s or more: a delay leaves the newest events out"),
        ];
        foreach ((WindowDefinition window, Duration delay, string suggestion) in cases)
        {
            DefinitionProblem problem = ProblemOf(Feature(window) with { Delay = delay });
            (problem.Path, problem.Suggestion).ShouldBe(("feature_views[0].features[0].window", suggestion), $"{window} delayed {delay}");
        }
    }

    [Fact]
    public void An_accuracy_has_hops_between_a_second_and_a_day_and_no_longer_than_the_exact_horizon_and_the_window()
    {
        ProblemOf(Accurate(Hour, new Duration(999_999))).Path.ShouldBe("feature_views[0].features[0].accuracy.hop");
        ProblemOf(Accurate(Duration.Days(9), Duration.Days(2))).Suggestion.ShouldBe("1s to 1d");
        ProblemOf(Accurate(Hour, new Duration(Hour.Micros + 1))).Path.ShouldBe("feature_views[0].features[0].accuracy.exact_for");
        ProblemOf(Accurate(Duration.Days(4_000), Hour)).Suggestion.ShouldBe("at least one hop, at most 3650d");
        ProblemOf(Accurate(Duration.Days(9), Duration.Days(1)) with { Window = Hour }).Suggestion.ShouldBe("at most 1h");
        ProblemOf(Accurate(Duration.Days(9), Hour) with { Window = WindowDefinition.Session(new Duration(60_000_000)) }).Suggestion.ShouldBe("at most 1m");
    }

    [Fact]
    public void An_accuracy_belongs_to_its_feature_and_the_timeline_takes_the_strictest()
    {
        TimelinePlan timeline = CatalogOf(Accurate(Hour, Hour), Accurate(new Duration(2_000_000), new Duration(1_000_000)) with { Name = "other" }).Entity("card")!.Timelines.Single();
        (timeline.ExactForMicros, timeline.HopMicros).ShouldBe((Hour.Micros, 1_000_000));
        timeline.Features.Select(feature => feature.Accuracy.Hop).ShouldBe([Hour, new Duration(1_000_000)]);
        CatalogOf(Feature(Hour)).Entity("card")!.Features.Single().Accuracy.ShouldBe(Catalog.AccuracyDefault);
    }

    private static FeatureDefinition Feature(WindowDefinition window) => new("n", "count", window, Duration.Zero, null, Value.Null);

    private static FeatureDefinition Accurate(Duration exactFor, Duration hop) => Feature(Duration.Days(7)) with { Accuracy = new AccuracyDefinition(exactFor, hop) };

    private static DefinitionSet SetOf(params FeatureDefinition[] features) =>
        new(
            [new StreamDefinition("payments", 1, "id", "at", [new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("card", FieldType.String)])],
            [new EntityDefinition("card", ["card"])],
            [new FeatureViewDefinition("spend", 1, "card", "payments", null, [.. features])],
            []);

    private static DefinitionProblem ProblemOf(FeatureDefinition feature)
    {
        Catalog.Compile(SetOf(feature), out var problems).ShouldBeNull();
        return problems[0];
    }

    private static Catalog CatalogOf(params FeatureDefinition[] features)
    {
        Catalog? catalog = Catalog.Compile(SetOf(features), out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }
}
