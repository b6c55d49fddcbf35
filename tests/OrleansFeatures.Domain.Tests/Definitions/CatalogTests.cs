using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Definitions;

public sealed class CatalogTests
{
    private static readonly StreamDefinition Transactions = new("transactions", 1, "id", "at",
        [new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("customer_id", FieldType.String), new("amount", FieldType.Double), new("fraud", FieldType.Bool)]);

    [Theory]
    [InlineData("avg(amount)", "there is no aggregate 'avg'", "mean")]
    [InlineData("mean(amout)", "no field 'amout'", "did you mean 'amount'?")]
    [InlineData("mean(customer_id)", "is string", "numeric")]
    [InlineData("mean", "got 0 arguments", "mean(field)")]
    [InlineData("mean(amount", "no closing parenthesis", "mean(field)")]
    [InlineData("percentile(amount)", "got 1 arguments", "percentile(field, 0.95)")]
    [InlineData("percentile(amount, 95)", "cannot take '95'", "fraction from 0 to 1")]
    [InlineData("last_n(amount, 0)", "cannot take '0'", "whole number")]
    [InlineData("last_n(amount, 2.5)", "cannot take '2.5'", "whole number")]
    public void A_wrong_aggregate_is_named_with_its_remedy(string aggregate, string message, string suggestion)
    {
        DefinitionProblem problem = ProblemOf(Set(feature: Feature(aggregate)));
        problem.Path.ShouldBe("feature_views[0].features[0].aggregate");
        problem.Message.ShouldContain(message);
        problem.Suggestion.ShouldContain(suggestion);
    }

    [Fact]
    public void A_view_of_an_unknown_stream_or_entity_is_refused_with_a_suggestion()
    {
        ProblemOf(Set(view: view => view with { Stream = "transaction" })).Suggestion.ShouldContain("transactions");
        ProblemOf(Set(view: view => view with { Entity = "costumer" })).Suggestion.ShouldContain("customer");
    }

    [Fact]
    public void A_filter_that_is_no_condition_is_refused()
    {
        ProblemOf(Set(view: view => view with { Where = "amount + 1.0" })).Message.ShouldContain("a filter gives bool");
        ProblemOf(Set(view: view => view with { Where = "amunt > 0.0" })).Suggestion.ShouldContain("amount");
    }

    [Fact]
    public void Names_windows_and_keys_are_checked()
    {
        ProblemOf(Set(feature: Feature("count") with { Name = "9lives" })).Path.ShouldBe("feature_views[0].features[0].name");
        ProblemOf(Set(feature: Feature("count") with { Window = Duration.Zero })).Path.ShouldEndWith("window");
        ProblemOf(Set(feature: Feature("count") with { Window = Duration.Days(3_000), Delay = Duration.Days(3_000) })).Path.ShouldEndWith("window");
        ProblemOf(Set(entity: new EntityDefinition("customer", ["customer"]))).Suggestion.ShouldContain("customer_id");
        ProblemOf(Set(entity: new EntityDefinition("customer", ["amount"]))).Message.ShouldContain("double");
        ProblemOf(Set(entity: new EntityDefinition("customer", ["customer_id", "customer_id"]))).Path.ShouldEndWith("key");
    }

    [Fact]
    public void All_versions_of_a_stream_have_ids_of_one_type()
    {
        StreamDefinition next = Transactions with { Version = 2, EventId = "uid", Fields = Transactions.Fields.Add(new FieldDefinition("uid", FieldType.String)) };
        DefinitionSet set = Set();
        DefinitionProblem problem = ProblemOf(set with { Streams = set.Streams.Add(next) });
        (problem.Path, problem.Message).ShouldBe(("streams[1].event_id", "field 'uid' is string, the event id of version 1 is int64"));
        set = set with { Streams = set.Streams.Add(next with { EventId = "id" }) };
        Catalog.Compile(set, out _).ShouldNotBeNull();
    }

    [Fact]
    public void A_stream_needs_an_id_and_a_time_of_the_right_types()
    {
        ProblemOf(Set(stream: Transactions with { EventId = "tx" })).Path.ShouldBe("streams[0].event_id");
        ProblemOf(Set(stream: Transactions with { EventId = "amount" })).Message.ShouldContain("double");
        ProblemOf(Set(stream: Transactions with { EventTime = "id" })).Suggestion.ShouldContain("timestamp");
    }

    [Fact]
    public void Two_definitions_of_one_name_and_version_are_refused()
    {
        DefinitionSet set = Set();
        ProblemOf(set with { Streams = [.. set.Streams, .. set.Streams] }).Message.ShouldContain("defined twice");
    }

    [Fact]
    public void A_service_of_an_unknown_feature_is_refused_with_a_suggestion()
    {
        DefinitionProblem problem = ProblemOf(Set(features: ["customer_spend:cuont"]));
        problem.Path.ShouldBe("feature_services[0].features[0]");
        problem.Suggestion.ShouldContain("customer_spend:count");
    }

    [Fact]
    public void A_default_of_another_type_is_refused_and_an_integer_serves_a_double()
    {
        ProblemOf(Set(feature: Feature("mean(amount)") with { Default = Value.Of("none") })).Message.ShouldContain("the default is string");
        CatalogOf(Set(feature: Feature("mean(amount)") with { Default = Value.Of(0L) })).AllOf("customer")!.Features[0].Default.ShouldBe(Value.Of(0.0));
    }

    [Fact]
    public void An_unversioned_reference_means_the_newest_version()
    {
        DefinitionSet set = Set();
        FeatureViewDefinition second = set.FeatureViews[0] with { Version = 2, Features = [Feature("sum(amount)") with { Name = "total" }] };
        Catalog catalog = CatalogOf(set with { FeatureViews = [.. set.FeatureViews, second], FeatureServices = [] });
        catalog.Select(["customer_spend:*"], out _)!.Features.Select(feature => feature.Name).ShouldBe(["total"]);
        catalog.Select(["customer_spend@1:count"], out _)!.Features.Single().Reference.ShouldBe("customer_spend@1:count");
        catalog.Select(["customer_spend:count"], out string unknown).ShouldBeNull();
        unknown.ShouldBe("customer_spend:count");
    }

    [Fact]
    public void Services_are_found_by_name_and_by_version()
    {
        DefinitionSet set = Set();
        FeatureServiceDefinition tenth = set.FeatureServices[0] with { Version = 10 };
        Catalog catalog = CatalogOf(set with { FeatureServices = [.. set.FeatureServices, set.FeatureServices[0] with { Version = 9 }, tenth] });
        catalog.Service("fraud")!.Name.ShouldBe("fraud@10");
        catalog.Service("fraud@1")!.Name.ShouldBe("fraud@1");
        catalog.Service("fraud@2").ShouldBeNull();
    }

    [Fact]
    public void Views_over_one_stream_share_columns_and_filters()
    {
        DefinitionSet set = Set(view: view => view with { Where = "amount > 0.0" });
        FeatureViewDefinition second = set.FeatureViews[0] with { Name = "other", Features = [Feature("mean(amount)"), Feature("max(amount)") with { Name = "max", Where = "fraud" }] };
        TimelinePlan timeline = CatalogOf(set with { FeatureViews = [.. set.FeatureViews, second] }).Entity("customer")!.Timelines.Single();
        timeline.Columns.Length.ShouldBe(1);
        timeline.Filters.Length.ShouldBe(2);
    }

    [Fact]
    public void Retention_is_the_farthest_look_back_and_the_slack() =>
        CatalogOf(Set(feature: Feature("count") with { Window = Duration.Days(30), Delay = Duration.Days(7) })).Stream("transactions")!.Retention.ShouldBe(Duration.Days(38));

    private static FeatureDefinition Feature(string aggregate) => new("count", aggregate, Duration.Days(1), Duration.Zero, null, Value.Null);

    private static DefinitionSet Set(
        FeatureDefinition? feature = null, Func<FeatureViewDefinition, FeatureViewDefinition>? view = null, EntityDefinition? entity = null,
        StreamDefinition? stream = null, string[]? features = null)
    {
        var plain = new FeatureViewDefinition("customer_spend", 1, "customer", "transactions", null, [feature ?? Feature("count")]);
        return new DefinitionSet(
            [stream ?? Transactions], [entity ?? new EntityDefinition("customer", ["customer_id"])], [view is null ? plain : view(plain)],
            [new FeatureServiceDefinition("fraud", 1, [.. features ?? ["customer_spend:*"]])]);
    }

    private static Catalog CatalogOf(DefinitionSet set)
    {
        Catalog? catalog = Catalog.Compile(set, out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }

    private static DefinitionProblem ProblemOf(DefinitionSet set)
    {
        Catalog.Compile(set, out var problems).ShouldBeNull();
        problems.ShouldNotBeEmpty();
        return problems[0];
    }
}
