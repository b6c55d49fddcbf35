using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Domain.Tests.Definitions;

public sealed class OnDemandTests
{
    [Theory]
    [InlineData("request.amount / card_spend.men", "expr", "unknown field 'card_spend.men'", "card_spend.mean")]
    [InlineData("request.amount / card_spend.last3", "expr", "unknown field 'card_spend.last3'", "list or a map")]
    [InlineData("request.amount / ratio", "expr", "unknown field 'ratio'", "write its expression out")]
    [InlineData("request.amount > 3.0", "type", "gives bool, the feature is double", "declare it bool")]
    [InlineData("request.amount +", "expr", "at column 17", "write a field")]
    [InlineData("card_spend@7.mean", "expr", "unknown field 'card_spend@7.mean'", "card_spend@1.mean")]
    public void A_wrong_expression_is_refused_at_its_place_with_what_to_write(string expression, string part, string message, string suggestion)
    {
        DefinitionProblem problem = ProblemOf(new OnDemandDefinition("ratio", FieldType.Double, "1.0"), new OnDemandDefinition("wrong", FieldType.Double, expression));
        problem.Path.ShouldBe($"on_demand[1].{part}");
        problem.Message.ShouldContain(message);
        problem.Suggestion.ShouldContain(suggestion);
    }

    [Fact]
    public void A_field_of_the_request_has_one_type_in_all_definitions()
    {
        DefinitionProblem problem = ProblemOf(
            new OnDemandDefinition("one", FieldType.Double, "request.amount * 2.0"),
            new OnDemandDefinition("two", FieldType.Bool, "request.amount == \"x\"") { Request = [new FieldDefinition("amount", FieldType.String)] });
        (problem.Path, problem.Message).ShouldBe(("on_demand[1].request", "request.amount is string here and double in 'one'"));
    }

    [Fact]
    public void A_declared_field_that_the_expression_does_not_take_is_refused() =>
        ProblemOf(new OnDemandDefinition("one", FieldType.Double, "request.amount") { Request = [new FieldDefinition("currency", FieldType.String)] }).Path.ShouldBe("on_demand[0].request.currency");

    [Fact]
    public void A_name_is_taken_once_and_is_a_name()
    {
        ProblemOf(new OnDemandDefinition("one", FieldType.Double, "1.0"), new OnDemandDefinition("one", FieldType.Double, "2.0")).Path.ShouldBe("on_demand[1].name");
        ProblemOf(new OnDemandDefinition("1st", FieldType.Double, "1.0")).Path.ShouldBe("on_demand[0].name");
    }

    [Fact]
    public void No_view_may_be_called_request_where_on_demand_features_are()
    {
        DefinitionSet set = SetOf(new OnDemandDefinition("one", FieldType.Double, "request.amount"));
        Catalog.Compile(set with { FeatureViews = [.. set.FeatureViews, set.FeatureViews[0] with { Name = "request" }] }, out var problems).ShouldBeNull();
        problems.ShouldContain(problem => problem.Path == "feature_views[2].name");
    }

    [Fact]
    public void Inputs_that_nobody_asked_for_are_read_and_not_answered()
    {
        Selection selection = Select(SetOf(Ratio), "ratio", "card_spend:n");
        selection.Columns.Select(column => column.Name).ShouldBe(["ratio", "card_spend:n"]);
        selection.Features.Select(feature => feature.Reference).ShouldBe(["card_spend:n", "card_spend:mean"]);
        selection.RequestFields.ShouldBe([new FieldDefinition("amount", FieldType.Double)]);
        selection.IsPlain.ShouldBeFalse();
    }

    [Fact]
    public void Inputs_of_another_entity_bring_its_key_into_the_request() =>
        Select(SetOf(new OnDemandDefinition("one", FieldType.Int64, "shop_stats.n + 1")), "one").KeyFields.Select(field => field.Name).ShouldBe(["shop"]);

    [Fact]
    public void A_selection_without_on_demand_features_is_plain()
    {
        Selection selection = Select(SetOf(Ratio), "card_spend:*");
        selection.IsPlain.ShouldBeTrue();
        selection.Columns.Select(column => column.Feature).ShouldBe(Enumerable.Range(0, selection.Features.Length));
    }

    [Fact]
    public void A_view_without_a_version_is_its_newest_and_any_version_can_be_named()
    {
        DefinitionSet set = SetOf(new OnDemandDefinition("old", FieldType.Int64, "card_spend@1.n"), new OnDemandDefinition("new", FieldType.Int64, "card_spend.n - card_spend@2.n"));
        set = set with { FeatureViews = [.. set.FeatureViews, set.FeatureViews[0] with { Version = 2 }] };
        Select(set, "old").Features.Select(feature => feature.Reference).ShouldBe(["card_spend@1:n"]);
        Select(set, "new").Features.Select(feature => feature.Reference).ShouldBe(["card_spend:n"]);
    }

    [Fact]
    public void A_service_names_it_without_a_view_and_cannot_include_another_service()
    {
        DefinitionSet set = SetOf(Ratio) with { FeatureServices = [new FeatureServiceDefinition("online", 1, ["card_spend:n", "ratio"])] };
        Catalog.Compile(set, out _)!.Service("online")!.Columns.Select(column => column.Name).ShouldBe(["card_spend:n", "ratio"]);
        Catalog.Compile(set with { FeatureServices = [.. set.FeatureServices, new FeatureServiceDefinition("more", 1, ["online"])] }, out var problems).ShouldBeNull();
        problems.Single().Suggestion.ShouldContain("cannot include another");
    }

    [Fact]
    public void An_input_without_a_value_leaves_none_and_says_why()
    {
        ValueOf(Ratio, FeatureValue.Null).ShouldBe(FeatureValue.Null);
        ValueOf(Ratio, FeatureValue.NotFound).ShouldBe(FeatureValue.NotFound);
        ValueOf(Ratio, FeatureValue.OutsideRetention).ShouldBe(FeatureValue.OutsideRetention);
        ValueOf(Ratio, FeatureValue.Invalid).ShouldBe(FeatureValue.Invalid);
        ValueOf(Ratio, FeatureValue.Without(FeatureStatus.OutsideMaxAge)).Status.ShouldBe(FeatureStatus.OutsideMaxAge);
        ValueOf(Ratio, FeatureValue.Of(Value.Of(2.0)), context: null).ShouldBe(FeatureValue.Null);
        ValueOf(Ratio, FeatureValue.Of(Value.Of(0.0))).ShouldBe(FeatureValue.Null, "a division by zero");
    }

    [Fact]
    public void An_approximate_input_makes_an_approximate_value() =>
        ValueOf(Ratio, new FeatureValue(FeatureStatus.Approximate, Value.Of(2.0), null)).ShouldBe(new FeatureValue(FeatureStatus.Approximate, Value.Of(5.0), null));

    [Fact]
    public void An_expression_may_have_an_answer_to_a_missing_value_but_not_to_one_that_cannot_be_told()
    {
        var guarded = new OnDemandDefinition("guarded", FieldType.Double, "has(card_spend.mean) ? request.amount / card_spend.mean : 1");
        ValueOf(guarded, FeatureValue.NotFound).ShouldBe(FeatureValue.Of(Value.Of(1.0)), "and an int64 result is the double that was declared");
        ValueOf(guarded, FeatureValue.Null).ShouldBe(FeatureValue.Of(Value.Of(1.0)));
        ValueOf(guarded, FeatureValue.Without(FeatureStatus.OutsideMaxAge)).ShouldBe(FeatureValue.Of(Value.Of(1.0)));
        ValueOf(guarded, FeatureValue.OutsideRetention).ShouldBe(FeatureValue.OutsideRetention);
        ValueOf(guarded, FeatureValue.Invalid).ShouldBe(FeatureValue.Invalid);
    }

    private static OnDemandDefinition Ratio { get; } = new("ratio", FieldType.Double, "request.amount / card_spend.mean");

    /// <summary>For a request of an amount of 10, and an input that is as given.</summary>
    private static FeatureValue ValueOf(OnDemandDefinition definition, FeatureValue input, double? context = 10)
    {
        OnDemandRead read = Select(SetOf(definition), definition.Name).OnDemand.Single();
        return read.Compute([input], [context is { } amount ? Value.Of(amount) : Value.Null], new Value[read.FieldCount]);
    }

    private static Selection Select(DefinitionSet set, params string[] references)
    {
        Catalog? catalog = Catalog.Compile(set, out var problems);
        problems.ShouldBeEmpty();
        return catalog!.Select(references, out string unknown).ShouldNotBeNull(unknown);
    }

    private static DefinitionProblem ProblemOf(params OnDemandDefinition[] onDemand)
    {
        Catalog.Compile(SetOf(onDemand), out var problems).ShouldBeNull();
        return problems[0];
    }

    private static DefinitionSet SetOf(params OnDemandDefinition[] onDemand)
    {
        var stream = new StreamDefinition("payments", 1, "id", "at",
        [
            new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("card", FieldType.String), new("shop", FieldType.String), new("amount", FieldType.Double),
        ]);
        static FeatureDefinition Feature(string name, string aggregate) => new(name, aggregate, Duration.Days(1), Duration.Zero, null, Value.Null);
        return new DefinitionSet(
            [stream],
            [new EntityDefinition("card", ["card"]), new EntityDefinition("shop", ["shop"])],
            [
                new FeatureViewDefinition("card_spend", 1, "card", "payments", null, [Feature("n", "count"), Feature("mean", "mean(amount)"), Feature("last3", "last_n(amount, 3)")]),
                new FeatureViewDefinition("shop_stats", 1, "shop", "payments", null, [Feature("n", "count")]),
            ],
            [])
        {
            OnDemand = [.. onDemand],
        };
    }
}
