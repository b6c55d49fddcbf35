using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Definitions;

public sealed class LatenessTests
{
    [Fact]
    public void A_stream_knows_which_views_refuse_an_event_of_some_lateness()
    {
        StreamPlan stream = StreamOf(View("patient", "2h"), View("strict", "1m"), View("quick", "1h"));
        stream.Lateness.Select(view => (view.View, view.Allowed.ToString())).ShouldBe([("strict", "1m"), ("quick", "1h"), ("patient", "2h")]);
        stream.Views.ShouldBe(3);
        stream.ViewsRefusing(-5).ShouldBe(0);
        stream.ViewsRefusing(Micros("1m")).ShouldBe(0, "so late it still counts");
        stream.ViewsRefusing(Micros("1m") + 1).ShouldBe(1);
        stream.ViewsRefusing(Micros("2h")).ShouldBe(2);
        stream.ViewsRefusing(Micros("2h") + 1).ShouldBe(stream.Views, "now no view takes it");
    }

    [Fact]
    public void A_view_without_a_limit_is_absent_and_takes_what_all_others_refuse()
    {
        StreamPlan stream = StreamOf(View("free", null), View("none", "0s"));
        stream.Lateness.Single().ShouldBe(new ViewLateness("none", Duration.Zero));
        stream.ViewsRefusing(long.MaxValue).ShouldBe(1);
        stream.Views.ShouldBe(2);
    }

    [Fact]
    public void An_older_version_of_a_view_is_named_with_its_version()
    {
        StreamPlan stream = StreamOf(View("spend", "1h"), View("spend", "1h") with { Version = 2 });
        stream.Lateness.Select(view => view.View).ShouldBe(["spend", "spend@1"]);
    }

    [Fact]
    public void A_view_of_another_stream_is_not_asked()
    {
        StreamDefinition other = Stream("refunds");
        Catalog catalog = CatalogOf(new DefinitionSet([Stream("payments"), other], [new EntityDefinition("card", ["card"])], [View("spend", "1h")], []));
        catalog.Stream("refunds")!.Views.ShouldBe(0);
        catalog.Stream("refunds")!.Lateness.ShouldBeEmpty();
    }

    [Fact]
    public void A_lateness_below_zero_or_beyond_all_windows_is_refused()
    {
        foreach (long micros in new[] { -1, Limits.WindowReachMaxMicros + 1 })
        {
            Catalog.Compile(SetOf(View("spend", null) with { AllowedLateness = new Duration(micros) }), out var problems).ShouldBeNull();
            problems.Single().Path.ShouldBe("feature_views[0].allowed_lateness");
            problems.Single().Suggestion.ShouldBe("0s to 3650d");
        }
    }

    [Fact]
    public void Windows_of_time_alone_make_an_event_too_late_in_the_end() => StreamOf(View("spend", null)).NeverTooLate.ShouldBeFalse();

    private static long Micros(string duration) => Duration.TryParse(duration, out Duration parsed) ? parsed.Micros : throw new ArgumentException(duration);

    private static FeatureViewDefinition View(string name, string? lateness) =>
        new(name, 1, "card", "payments", null, [new FeatureDefinition("n", "count", Duration.Days(1), Duration.Zero, null, Value.Null)])
        {
            AllowedLateness = lateness is null ? null : new Duration(Micros(lateness)),
        };

    private static StreamDefinition Stream(string name) =>
        new(name, 1, "id", "at", [new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("card", FieldType.String)]);

    private static DefinitionSet SetOf(params FeatureViewDefinition[] views) =>
        new([Stream("payments")], [new EntityDefinition("card", ["card"])], [.. views], []);

    private static StreamPlan StreamOf(params FeatureViewDefinition[] views) => CatalogOf(SetOf(views)).Stream("payments")!;

    private static Catalog CatalogOf(DefinitionSet set)
    {
        Catalog? catalog = Catalog.Compile(set, out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }
}
