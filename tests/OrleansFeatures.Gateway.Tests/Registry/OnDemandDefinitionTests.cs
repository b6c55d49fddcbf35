using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

public sealed class OnDemandDefinitionTests
{
    private static readonly string Text = Samples.With(
        "feature_services:\n",
        """
        on_demand:
          - {name: ratio, type: double, expr: request.amount / spend.avg_7d, request: {amount: double}}
          - {name: near, type: bool, expr: "request.city == 'Bern' && request.amount > 1", request: {city: string}}
        feature_services:
          - {name: online, features: ["spend:nb_1d", ratio]}

        """).Replace("where: amount > 0\n", "where: amount > 0\n    ttl: 7d\n", StringComparison.Ordinal);

    /// <summary>A newer version of the view that the expression names without one.</summary>
    private const string SecondView = "feature_views:\n  - {name: spend, version: 2, entity: customer, stream: transactions, features: [{name: nb_1d, aggregate: count, window: 1d}, {name: avg_7d, aggregate: mean(amount), window: 7d}]}\n";

    /// <summary>What is replaced, and the changes that the plan must show.</summary>
    public static readonly TheoryData<string, string, string[]> Verdicts = new()
    {
        { "on_demand:\n", "on_demand:\n  - {name: twice, type: double, expr: request.amount * 2.0}\n", ["Added on-demand feature twice Compatible: new on-demand feature"] },
        { "request.amount / spend.avg_7d", "2.0 * request.amount / spend.avg_7d", ["Changed on-demand feature ratio Breaking: expr 'request.amount / spend.avg_7d' -> '2.0 * request.amount / spend.avg_7d' => define another"] },
        { "name: near, type: bool, expr: \"request.city == 'Bern' && request.amount > 1\"", "name: near, type: double, expr: \"request.city == 'Bern' ? request.amount : 1.0\"", ["Changed on-demand feature near Breaking: type bool -> double", "Changed on-demand feature near Breaking: expr"] },
        { "== 'Bern' && request.amount > 1\", request: {city: string}", "== 3 && request.amount > 1\", request: {city: int64}", ["Changed on-demand feature near Breaking: expr", "Changed on-demand feature near Breaking: request amount double, city string -> amount double, city int64"] },
        { "feature_views:\n", SecondView,
        [
            "Added feature view spend@2 Compatible: new feature view", "Changed on-demand feature ratio Breaking: inputs spend@1.avg_7d -> spend@2.avg_7d => write spend@1.avg_7d",
            "Changed feature service fraud@1 Breaking: spend@1:avg_7d -> spend@2:avg_7d", "Changed feature service fraud@1 Breaking: spend@1:nb_1d -> spend@2:nb_1d", "Changed feature service online@1 Breaking: spend@1:nb_1d -> spend@2:nb_1d",
        ] },
        { "\"spend:nb_1d\", ratio]", "\"spend:nb_1d\", ratio, near]", ["Changed feature service online@1 Compatible: near added", "Changed feature service online@1 Breaking: it needs request.city, which today's requests do not bring => define version 2"] },
        { "\"spend:nb_1d\", ratio]", "\"spend:nb_1d\"]", ["Changed feature service online@1 Breaking: ratio removed => define version 2"] },
        { "\"spend:nb_1d\", ratio]", "ratio, \"spend:nb_1d\"]", ["Changed feature service online@1 Breaking: the order of the features changed"] },
        { "  - {name: near, type: bool, expr: \"request.city == 'Bern' && request.amount > 1\", request: {city: string}}\n", "", ["Removed on-demand feature near Breaking: on-demand feature removed => keep it until no model reads it"] },
        { "ttl: 7d", "ttl: 8d", ["Changed feature view spend@1 Breaking: ttl 7d -> 8d => define version 2"] },
        { "    ttl: 7d\n", "", ["Changed feature view spend@1 Breaking: ttl 7d -> none => define version 2"] },
    };

    [Theory]
    [MemberData(nameof(Verdicts))]
    public void Each_change_has_its_verdict_and_a_breaking_one_its_fix(string old, string @new, string[] expected)
    {
        DefinitionReading before = Read(Text);
        DefinitionReading after = Read(Edited(old, @new));
        DefinitionChange[] changes = [.. DefinitionPlanner.Compare(before.Definitions, after.Definitions)];
        changes.Length.ShouldBe(expected.Length, string.Join('\n', changes.Select(change => change.ToString())));
        foreach ((DefinitionChange change, string[] said) in changes.Zip(expected.Select(one => one.Split(" => "))))
        {
            $"{change.Kind} {change.What} {change.Verdict}: {change.Detail}".ShouldStartWith(said[0]);
            change.Fix.ShouldContain(said.Length > 1 ? said[1] : "");
            (change.Fix.Length > 0).ShouldBe(change.Verdict == PlanVerdict.Breaking, change.ToString());
        }

        DefinitionHash.Of(after.Definitions).ShouldNotBe(DefinitionHash.Of(before.Definitions));
    }

    [Theory]
    [InlineData(", request: {amount: double}", "")]
    [InlineData("expr: request.amount / spend.avg_7d", "expr: ' request.amount / spend.avg_7d '")]
    [InlineData("ttl: 7d", "ttl: 168h")]
    public void Another_spelling_of_the_same_meaning_is_identical_and_has_the_same_hash(string old, string @new)
    {
        DefinitionReading before = Read(Text);
        DefinitionReading after = Read(Edited(old, @new));
        DefinitionPlanner.Compare(before.Definitions, after.Definitions).ShouldBeEmpty();
        DefinitionHash.Of(after.Definitions).ShouldBe(DefinitionHash.Of(before.Definitions));
    }

    [Fact]
    public void A_definition_written_as_YAML_is_read_back_the_same()
    {
        DefinitionReading before = Read(Text);
        string onDemand = string.Concat(before.Definitions.OnDemand.SelectMany(item => DefinitionText.Of(item).Split('\n', StringSplitOptions.RemoveEmptyEntries)).Select(line => $"  {line}\n"));
        string text = Text[..Text.IndexOf("on_demand:", StringComparison.Ordinal)] + "on_demand:\n" + onDemand + Text[Text.IndexOf("feature_services:", StringComparison.Ordinal)..];
        DefinitionHash.Of(Read(text).Definitions).ShouldBe(DefinitionHash.Of(before.Definitions));
        DefinitionText.Of(before.Definitions.FeatureViews[0]).ShouldContain("  ttl: 7d\n");
    }

    [Fact]
    public void The_listing_says_what_a_request_must_bring()
    {
        DefinitionReading reading = Read(Text);
        var listing = new DefinitionListing(new LiveDefinitions(reading.Sources, reading.Catalog!, ""));
        OnDemandFeature ratio = listing.Get("on_demand", "ratio").OnDemand;
        (ratio.Type, ratio.Expression, ratio.Inputs.Single(), ratio.Request.Single().Name).ShouldBe((FieldType.Double, "request.amount / spend.avg_7d", "spend:avg_7d", "amount"));
        V1.FeatureServiceDefinition online = listing.Get("feature_service", "online").FeatureService;
        online.Features.ShouldBe(["spend:nb_1d", "ratio"]);
        online.RequestFields.Select(field => (field.Name, field.Type)).ShouldBe([("amount", FieldType.Double)]);
        listing.Get("feature_view", "spend").FeatureView.TtlMicros.ShouldBe(7 * 86_400_000_000);
        listing.List("").Select(definition => definition.Kind).Distinct().ShouldBe(["stream", "entity", "feature_view", "on_demand", "feature_service"]);
    }

    private static string Edited(string old, string @new) => Text.Contains(old, StringComparison.Ordinal)
        ? Text.Replace(old, @new, StringComparison.Ordinal)
        : throw new ArgumentException($"the sample has no '{old}'", nameof(old));

    private static DefinitionReading Read(string text)
    {
        DefinitionReading reading = Samples.Read(text);
        reading.Errors.ShouldBeEmpty();
        return reading;
    }
}
