using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Definitions;

public sealed class WindowPlanTests
{
    private static readonly Duration Hour = new(3_600_000_000);

    [Fact]
    public void Tumbling_windows_of_one_definition_share_a_calendar_and_others_have_none()
    {
        WindowDefinition day = WindowDefinition.Tumbling(Duration.Days(1), "Europe/Zurich");
        var features = CatalogOf(
            Feature("a", day), Feature("b", day) with { Where = "amount > 0.0" }, Feature("c", WindowDefinition.Tumbling(CalendarUnit.Month, "Europe/Zurich")), Feature("d", Hour), Feature("e", WindowDefinition.Last(5))).Entity("card")!.Features;
        features[0].Window.Calendar.ShouldNotBeNull().ShouldBeSameAs(features[1].Window.Calendar);
        features[2].Window.Calendar.ShouldNotBe(features[0].Window.Calendar);
        features.Skip(3).ShouldAllBe(feature => feature.Window.Calendar == null);
    }

    [Fact]
    public void Equal_plans_of_two_catalogs_are_equal_whatever_their_calendars_have_been_asked()
    {
        FeatureDefinition feature = Feature("a", WindowDefinition.Tumbling(CalendarUnit.Week, "America/New_York"));
        WindowPlan one = CatalogOf(feature).Entity("card")!.Features[0].Window;
        one.Calendar!.StartOf(1_500_000_000_000_000);
        WindowPlan other = CatalogOf(feature).Entity("card")!.Features[0].Window;
        other.ShouldBe(one);
        other.GetHashCode().ShouldBe(one.GetHashCode());
    }

    [Theory]
    [InlineData("1d", 24)]
    [InlineData("tumbling 1d UTC", 24)]
    [InlineData("tumbling 1d Europe/Zurich", 24 + 8)]
    [InlineData("tumbling week UTC", 7 * 24)]
    [InlineData("tumbling month Europe/Zurich", (31 * 24) + 8)]
    [InlineData("session 1h max 1d", 24)]
    [InlineData("last 5", 0)]
    [InlineData("lifetime", 0)]
    public void Events_stay_for_as_long_as_a_window_may_reach_and_a_day(string window, int hours)
    {
        WindowDefinition[] known =
        [
            Duration.Days(1), WindowDefinition.Tumbling(Duration.Days(1)), WindowDefinition.Tumbling(Duration.Days(1), "Europe/Zurich"), WindowDefinition.Tumbling(CalendarUnit.Week),
            WindowDefinition.Tumbling(CalendarUnit.Month, "Europe/Zurich"), WindowDefinition.Session(Hour), WindowDefinition.Last(5),
            WindowDefinition.Lifetime,
        ];
        FeatureDefinition feature = Feature("a", known.Single(candidate => candidate.ToString() == window)) with { Delay = Hour };
        CatalogOf(feature).Stream("payments")!.Retention.ShouldBe(new Duration(Catalog.RetentionSlack.Micros + ((hours + 1) * Hour.Micros)));
    }

    [Fact]
    public void A_window_that_counts_events_makes_none_too_late()
    {
        Catalog catalog = CatalogOf(Feature("a", Hour), Feature("b", WindowDefinition.Last(5)), Feature("c", WindowDefinition.Last(5)), Feature("d", WindowDefinition.Last(6)));
        catalog.Stream("payments")!.NeverTooLate.ShouldBeTrue();
        TimelinePlan timeline = catalog.Entity("card")!.Timelines.Single();
        timeline.NeverTooLate.ShouldBeTrue();
        timeline.CountWindows.Select(window => window.Window.Events).ShouldBe([5, 6]);
        CatalogOf(Feature("a", WindowDefinition.Lifetime)).Stream("payments")!.NeverTooLate.ShouldBeTrue();
        CatalogOf(Feature("a", WindowDefinition.Session(Hour))).Stream("payments")!.NeverTooLate.ShouldBeFalse();
    }

    [Fact]
    public void A_feature_by_a_field_is_a_map_with_that_field_as_a_column()
    {
        EntityPlan card = CatalogOf(Feature("a", Hour) with { By = "shop" }, Feature("b", Hour) with { Aggregate = "mean(amount)", By = "shop" }, Feature("c", Hour)).Entity("card")!;
        card.Features.Select(feature => feature.Shape).ShouldBe([FeatureShape.Map, FeatureShape.Map, FeatureShape.Scalar]);
        card.Timelines[0].Columns[card.Features[0].By].Type.ShouldBe(FieldType.String);
        card.Features[1].By.ShouldBe(card.Features[0].By);
        card.Features[1].Type.ShouldBe(FieldType.Double);
        card.Features[1].Lane.ShouldBe(-1, "chunks do not sum up by category");
    }

    [Theory]
    [InlineData("count", "shp", "stream 'payments' has no field 'shp'", "did you mean 'shop'?")]
    [InlineData("last_n(amount, 3)", "shop", "last_n gives more than one value for each 'shop'", "use an aggregate of one value with by")]
    [InlineData("top_k(shop, 3)", "shop", "top_k gives more than one value for each 'shop'", "use an aggregate of one value with by")]
    public void A_category_is_a_field_and_takes_an_aggregate_of_one_value(string aggregate, string by, string message, string suggestion)
    {
        Catalog.Compile(SetOf(Feature("a", Hour) with { Aggregate = aggregate, By = by }), out var problems).ShouldBeNull();
        problems.Single().ShouldBe(new DefinitionProblem("feature_views[0].features[0].by", message, suggestion));
    }

    [Fact]
    public void A_map_takes_no_default()
    {
        Catalog.Compile(SetOf(Feature("a", Hour) with { By = "shop", Default = Value.Of(0L) }), out var problems).ShouldBeNull();
        problems.Single().Path.ShouldBe("feature_views[0].features[0].default");
    }

    private static FeatureDefinition Feature(string name, WindowDefinition window) => new(name, "count", window, Duration.Zero, null, Value.Null);

    private static DefinitionSet SetOf(params FeatureDefinition[] features) =>
        new(
            [new StreamDefinition("payments", 1, "id", "at", [new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("card", FieldType.String), new("shop", FieldType.String), new("amount", FieldType.Double)])],
            [new EntityDefinition("card", ["card"])],
            [new FeatureViewDefinition("spend", 1, "card", "payments", null, [.. features])],
            []);

    private static Catalog CatalogOf(params FeatureDefinition[] features)
    {
        Catalog? catalog = Catalog.Compile(SetOf(features), out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }
}
