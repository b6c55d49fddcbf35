using System.Collections.Immutable;
using OrleansFeatures.Gateway.Registry;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

public sealed class DefinitionPlannerTests
{
    private const string SecondStream = "streams:\n  - {name: transactions, version: 2, event_id: tx_id, event_time: tx_time, fields: {tx_id: int64, tx_time: timestamp, customer_id: string, amount: double, fraud: bool, city: string}}";
    private const string RetypedStream = "streams:\n  - {name: transactions, version: 2, event_id: tx_id, event_time: tx_time, fields: {tx_id: int64, tx_time: timestamp, customer_id: string, amount: double, fraud: int64}}";
    private const string SecondView = "feature_views:\n  - {name: spend, version: 2, entity: customer, stream: transactions, features: [{name: nb_1d, aggregate: count, window: 2d}, {name: avg_7d, aggregate: mean(amount), window: 7d}]}";

    /// <summary>What is replaced in the small repository (| separates several edits), and the change that the plan must show.</summary>
    public static readonly TheoryData<string, string, string> Verdicts = new()
    {
        // Streams.
        { "fraud: bool}", "fraud: bool, city: string}", "Changed stream transactions@1 Breaking: field city added => define version 2" },
        { "amount: double, fraud: bool}", "amount: double, city: string, fraud: bool}", "Changed stream transactions@1 Breaking: field city added => define version 2" },
        { ", fraud: bool}", "}", "Changed stream transactions@1 Breaking: field fraud removed => define version 2" },
        { "fraud: bool}", "fraud: int64}", "Changed stream transactions@1 Breaking: field fraud: type bool -> int64 => define version 2" },
        { "amount: double, fraud: bool}", "fraud: bool, amount: double}", "Changed stream transactions@1 Breaking: the order of the fields => define version 2" },
        { "event_id: tx_id", "event_id: customer_id", "Changed stream transactions@1 Breaking: event_id tx_id -> customer_id => define version 2" },
        { "streams:", SecondStream, "Added stream transactions@2 Compatible: new stream" },
        { "streams:", RetypedStream, "Added stream transactions@2 Breaking: field fraud: bool -> int64; it is null in the events of older versions => another name" },

        // Entities.
        { "entities:", "entities:\n  - {name: everything, key: []}", "Added entity everything Compatible: new entity" },
        { "key: [customer_id]", "key: [customer_id]\n    history: 2h", "Changed entity customer Compatible: history 1d -> 2h" },
        { "key: [customer_id]", "key: [tx_id]", "Changed entity customer Breaking: key customer_id -> tx_id => another entity" },

        // Feature views.
        { "window: 1d", "window: 2d", "Changed feature view spend@1 Breaking: feature nb_1d: window 1d -> 2d => define version 2" },
        { "window: 1d", "window: 1d, delay: 1h", "Changed feature view spend@1 Breaking: feature nb_1d: delay 0s -> 1h => define version 2" },
        { "window: 1d", "window: 1d, where: fraud", "Changed feature view spend@1 Breaking: feature nb_1d: where none -> 'fraud' => define version 2" },
        { "mean(amount)", "sum(amount)", "Changed feature view spend@1 Breaking: feature avg_7d: aggregate mean(amount) -> sum(amount) => define version 2" },
        { "default: 0", "default: 1", "Changed feature view spend@1 Breaking: feature avg_7d: default 0 -> 1 => define version 2" },
        { "        default: 0\n", "", "Changed feature view spend@1 Breaking: feature avg_7d: default 0 -> null => define version 2" },
        { "where: amount > 0", "where: amount > 1", "Changed feature view spend@1 Breaking: where 'amount > 0' -> 'amount > 1' => define version 2" },
        { "    where: amount > 0\n", "", "Changed feature view spend@1 Breaking: where 'amount > 0' -> none => define version 2" },
        { "      - name: avg_7d", "      - {name: sum_1d, aggregate: sum(amount), window: 1d}\n      - name: avg_7d", "Changed feature view spend@1 Compatible: feature sum_1d added" },
        { "name: nb_1d|spend:nb_1d", "name: count_1d|spend:count_1d", "Changed feature view spend@1 Compatible: feature count_1d added; Changed feature view spend@1 Breaking: feature nb_1d removed => define version 2; Changed feature service fraud@1 Breaking: spend@1:nb_1d removed => define version 2; Changed feature service fraud@1 Compatible: spend@1:count_1d added" },

        // Feature services.
        { "feature_services:", "feature_services:\n  - {name: risk, features: [\"spend:*\"]}", "Added feature service risk@1 Compatible: new feature service" },
        { "feature_services:", "feature_services:\n  - {name: fraud, version: 2, features: [\"spend:*\"]}", "Added feature service fraud@2 Compatible: new feature service" },
        { "name: fraud\n", "name: fraud2\n", "Removed feature service fraud@1 Breaking: feature service removed => keep it; Added feature service fraud2@1 Compatible: new feature service" },
        { "\"spend:nb_1d\", \"spend:avg_7d\"", "\"spend:nb_1d\"", "Changed feature service fraud@1 Breaking: spend@1:avg_7d removed => define version 2" },
        { "\"spend:nb_1d\", \"spend:avg_7d\"", "\"spend:avg_7d\", \"spend:nb_1d\"", "Changed feature service fraud@1 Breaking: the order of the features changed => keep the order" },
        {
            "feature_views:", SecondView,
            "Added feature view spend@2 Compatible: new feature view; Changed feature service fraud@1 Breaking: spend@1:avg_7d -> spend@2:avg_7d => write spend@1:…; Changed feature service fraud@1 Breaking: spend@1:nb_1d -> spend@2:nb_1d => write spend@1:…"
        },
        { "feature_views:|\"spend:nb_1d\", \"spend:avg_7d\"", SecondView + "|\"spend@1:nb_1d\", \"spend@1:avg_7d\"", "Added feature view spend@2 Compatible: new feature view" },
    };

    [Theory]
    [MemberData(nameof(Verdicts))]
    public void Each_change_has_its_verdict_and_a_breaking_one_its_fix(string old, string @new, string expected)
    {
        string edited = old.Split('|').Zip(@new.Split('|')).Aggregate(Samples.Small, (text, edit) => text.Contains(edit.First, StringComparison.Ordinal)
            ? text.Replace(edit.First, edit.Second, StringComparison.Ordinal)
            : throw new ArgumentException($"the sample has no '{edit.First}'", nameof(old)));
        DefinitionReading before = Samples.Read(Samples.Small);
        DefinitionReading after = Samples.Read(edited);
        after.Errors.ShouldBeEmpty();
        ImmutableArray<DefinitionChange> changes = DefinitionPlanner.Compare(before.Definitions, after.Definitions);
        string[] parts = expected.Split("; Changed ").SelectMany((part, i) => (i == 0 ? part : "Changed " + part).Split("; Added ").Select((inner, j) => j == 0 ? inner : "Added " + inner)).ToArray();
        changes.Length.ShouldBe(parts.Length, string.Join("\n", changes));
        for (int i = 0; i < parts.Length; i++)
        {
            DefinitionChange change = changes[i];
            string[] expectation = parts[i].Split(" => ");
            $"{change.Kind} {change.What} {change.Verdict}: {change.Detail}".ShouldStartWith(expectation[0]);
            change.Fix.ShouldContain(expectation.Length > 1 ? expectation[1] : "");
            (change.Fix.Length > 0).ShouldBe(change.Verdict == PlanVerdict.Breaking, change.ToString());
        }

        DefinitionHash.Of(after.Definitions).ShouldNotBe(DefinitionHash.Of(before.Definitions));
    }

    [Theory]
    [InlineData("window: 1d", "window: 24h")]
    [InlineData("default: 0", "default: 0.0")]
    [InlineData("mean(amount)", "'mean( amount )'")]
    [InlineData("where: amount > 0", "where: \"amount > 0\"   # only real payments")]
    [InlineData("    version: 1\n    event_id", "    event_id")]
    [InlineData("[\"spend:nb_1d\", \"spend:avg_7d\"]", "[\"spend:*\"]")]
    [InlineData("[\"spend:nb_1d\", \"spend:avg_7d\"]", "[\"spend@1:nb_1d\", \"spend@1:avg_7d\", \"spend:*\"]")]
    public void Another_spelling_of_the_same_meaning_is_identical_and_has_the_same_hash(string old, string @new)
    {
        DefinitionReading before = Samples.Read(Samples.Small);
        DefinitionReading after = Samples.Read(Samples.With(old, @new));
        after.Errors.ShouldBeEmpty();
        DefinitionPlanner.Compare(before.Definitions, after.Definitions).ShouldBeEmpty();
        DefinitionHash.Of(after.Definitions).ShouldBe(DefinitionHash.Of(before.Definitions));
    }

    [Fact]
    public void The_order_of_items_and_files_does_not_count()
    {
        string text = Samples.Small + "\n  - {name: risk, features: [\"spend:nb_1d\"]}\n";
        DefinitionReading one = Samples.Read(text);
        string[] lines = text.Split("feature_services:\n");
        DefinitionReading other = DefinitionReader.Read(
        [
            new("z.yaml", lines[0]),
            new("a.yaml", "apiVersion: orleansfeatures/v1\nfeature_services:\n  - {name: risk, features: [\"spend:nb_1d\"]}\n  - {name: fraud, features: [\"spend:nb_1d\", \"spend:avg_7d\"]}\n"),
        ]);
        other.Errors.ShouldBeEmpty();
        DefinitionPlanner.Compare(one.Definitions, other.Definitions).ShouldBeEmpty();
        DefinitionHash.Of(other.Definitions).ShouldBe(DefinitionHash.Of(one.Definitions));
        DefinitionHash.Of(one.Definitions).ShouldMatch("^[0-9a-f]{64}$");
    }

    [Fact]
    public void Removing_everything_names_everything_in_a_stable_order()
    {
        ImmutableArray<DefinitionChange> changes = DefinitionPlanner.Compare(Samples.Read(Samples.Small).Definitions, Domain.Definitions.DefinitionSet.Empty);
        changes.Select(change => $"{change.Kind} {change.What} {change.Verdict}").ShouldBe(
        [
            "Removed stream transactions@1 Breaking", "Removed entity customer Breaking", "Removed feature view spend@1 Breaking", "Removed feature service fraud@1 Breaking",
        ]);
    }

    [Fact]
    public void A_definition_written_as_YAML_is_read_back_the_same()
    {
        string odd = Samples.With("fraud: bool", "no: bool, null: string").Replace("where: amount > 0", "where: 'customer_id != \"a\\u0009b: #\\\\\" && amount > 0'", StringComparison.Ordinal)
            .Replace("default: 0", "default: 1e-7", StringComparison.Ordinal).Replace("{name: nb_1d, aggregate: count, window: 1d}", "{name: nb_1d, aggregate: count, window: 1d, delay: 90s, where: \"has(amount)\"}", StringComparison.Ordinal);
        DefinitionReading before = Samples.Read(odd);
        before.Errors.ShouldBeEmpty();
        var set = before.Definitions;
        string Indented(string text) => string.Concat(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"  {line}\n"));
        string text = "apiVersion: orleansfeatures/v1\n"
            + "streams:\n" + string.Concat(set.Streams.Select(item => Indented(DefinitionText.Of(item))))
            + "entities:\n" + string.Concat(set.Entities.Select(item => Indented(DefinitionText.Of(item))))
            + "feature_views:\n" + string.Concat(set.FeatureViews.Select(item => Indented(DefinitionText.Of(item))))
            + "feature_services:\n" + string.Concat(set.FeatureServices.Select(item => Indented(DefinitionText.Of(item))));
        DefinitionReading after = Samples.Read(text);
        after.Errors.ShouldBeEmpty(text);
        DefinitionPlanner.Compare(set, after.Definitions).ShouldBeEmpty();
        DefinitionHash.Of(after.Definitions).ShouldBe(DefinitionHash.Of(set));
        after.Definitions.Streams[0].Fields.ShouldBe(set.Streams[0].Fields);
        after.Definitions.FeatureViews[0].Features.ShouldBe(set.FeatureViews[0].Features);
    }
}
