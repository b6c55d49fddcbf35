using NJsonSchema;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Registry.Yaml;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

public sealed class DefinitionErrorTests
{
    /// <summary>What the schema itself refuses: an editor that loads it shows these too.</summary>
    public static readonly TheoryData<string, string, int, int, string, string> Structure = new()
    {
        { "window: 1d", "widow: 1d", 18, 41, "unknown key 'widow'", "did you mean 'window'?" },
        { "feature_services:", "on_demand: [{name: ratio, type: double}]\nfeature_services:", 23, 13, "the key 'expr' is missing", "expr: request.amount" },
        { "feature_services:", "on_demand: [{name: ratio, type: float, expr: request.amount}]\nfeature_services:", 23, 33, "'float' is not a field type", "did you mean 'double'?" },
        { "    features: [\"spend:nb_1d\"", "    include: [base]\n    features: [\"spend:nb_1d\"", 26, 5, "unknown key 'include'", "a feature service cannot include another" },
        { "aggregate: count,", "aggregate: percentile(amount, 0.95),", 18, 53, "unknown key '0.95)'", "quote text that contains a comma" },
        { "        window: 7d\n", "", 19, 9, "the key 'window' is missing", "window: 7d" },
        { "    event_id: tx_id\n", "", 3, 5, "the key 'event_id' is missing", "event_id: tx_id" },
        { "apiVersion: orleansfeatures/v1\n", "", 1, 1, "the key 'apiVersion' is missing", "apiVersion: orleansfeatures/v1" },
        { "orleansfeatures/v1", "orleansfeatures/v2", 1, 13, "'apiVersion' cannot be 'orleansfeatures/v2'", "write orleansfeatures/v1" },
        { "amount: double", "amount: float", 7, 77, "'float' is not a field type", "did you mean 'double'?" },
        { "amount: double", "amount: dubble", 7, 77, "'dubble' is not a field type", "did you mean 'double'?" },
        { "amount: double", "amount: {type: double}", 7, 77, "'amount' must be text, found a map", "write one text" },
        { "amount: double", "amount tx: double", 7, 69, "'amount tx' is not a field name", "letters, digits and underscores" },
        { "window: 1d", "window: 1day", 18, 49, "'1day' is not a duration", "ms s m h d" },
        { "window: 1d", "window: -1d", 18, 49, "'-1d' is not a duration", "ms s m h d" },
        { "window: 1d", "window: 86400", 18, 49, "'window' must be text, found '86400'", "add a unit" },
        { "where: amount > 0", "where: true", 16, 12, "'where' must be text, found 'true'", "quote it" },
        { "where: amount > 0", "where:", 16, 11, "'where' must be text, found nothing", "write one text" },
        { "where: amount > 0", "where: ''", 16, 12, "'where' is empty", "delete it" },
        { "version: 1\n    entity", "version: 0\n    entity", 13, 14, "'version' cannot be '0'", "from 1 to 65535" },
        { "version: 1\n    entity", "version: 1.5\n    entity", 13, 14, "'version' cannot be '1.5'", "from 1 to 65535" },
        { "version: 1\n    entity", "version: 70000\n    entity", 13, 14, "'version' cannot be '70000'", "from 1 to 65535" },
        { "version: 1\n    entity", "version: one\n    entity", 13, 14, "'version' cannot be 'one'", "from 1 to 65535" },
        { "name: spend", "name: 7spend", 12, 11, "'7spend' is not a name", "use a letter" },
        { "key: [customer_id]", "key: customer_id", 10, 10, "'key' must be a list, found 'customer_id'", "key: [customer_id]" },
        { "key: [customer_id]", "key: [customer_id, customer_id]", 10, 10, "'key' names something twice", "once" },
        { "entities:\n  - name: customer\n    key: [customer_id]", "entities:\n  customer: {key: [customer_id]}", 9, 3, "'entities' must be a list, found a map", "a dash" },
        { "entities:\n  - name: customer\n    key: [customer_id]", "entities:\n  - customer", 9, 5, "must be a map, found 'customer'", "keys and values" },
        { "[\"spend:nb_1d\", \"spend:avg_7d\"]", "[]", 26, 15, "'features' is empty", "at least one" },
        { "\"spend:avg_7d\"]", "spend/avg_7d]", 26, 31, "'spend/avg_7d' is not a feature reference", "on-demand feature" },
        { "window: 1d", "window: [1d]", 18, 49, "'window' cannot be a list", "one of {tumbling: 1d}" },
        { "window: 1d", "window: ", 18, 49, "'window' cannot be nothing", "one of {tumbling: 1d}" },
        { "window: 1d", "window: week", 18, 49, "'week' is not a duration", "write {tumbling: week}" },
        { "window: 1d", "window: daily", 18, 49, "'daily' is not a duration", "write {tumbling: 1d}" },
        { "window: 1d", "window: forever", 18, 49, "'forever' is not a duration", "lifetime" },
        { "window: 1d", "window: {}", 18, 49, "'window' is empty", "at least one" },
        { "window: 1d", "window: {tumblign: 1d}", 18, 50, "unknown key 'tumblign'", "did you mean 'tumbling'?" },
        { "window: 1d", "window: {tumbling: 1d, tz: UTC}", 18, 64, "unknown key 'tz'", "write time_zone" },
        { "window: 1d", "window: {sliding: 1d}", 18, 50, "unknown key 'sliding'", "window: 7d" },
        { "window: 1d", "window: {tumbling: weekly}", 18, 60, "'weekly' is not the length of a calendar window", "did you mean 'week'?" },
        { "window: 1d", "window: {tumbling: 1y}", 18, 60, "'1y' is not the length of a calendar window", "week or month" },
        { "window: 1d", "window: {tumbling: 7}", 18, 60, "'tumbling' must be text, found '7'", "add a unit" },
        { "window: 1d", "window: {tumbling: 1d, time_zone: 2}", 18, 75, "'time_zone' must be text, found '2'", "quote it" },
        { "window: 1d", "window: {session: half an hour}", 18, 59, "'half an hour' is not a duration", "ms s m h d" },
        { "window: 1d", "window: {session: 30m, max: 86400}", 18, 69, "'max' must be text, found '86400'", "add a unit" },
        { "window: 1d", "window: {last: 0}", 18, 56, "'last' cannot be '0'", "from 1 to 10000" },
        { "window: 1d", "window: {last: 10001}", 18, 56, "'last' cannot be '10001'", "from 1 to 10000" },
        { "window: 1d", "window: {last: 5d}", 18, 56, "'last' cannot be '5d'", "from 1 to 10000" },
        { "window: 1d", "window: 1d, time_zone: Europe/Zurich", 18, 53, "unknown key 'time_zone'", "belongs into the window" },
        { "default: 0", "allowed_lateness: 1h", 22, 9, "unknown key 'allowed_lateness'", "belongs to the view" },
        { "default: 0", "by: [customer_id]", 22, 13, "'by' must be text, found a list", "write one text" },
        { "default: 0", "group_by: customer_id", 22, 9, "unknown key 'group_by'", "write by:" },
        { "default: 0", "accuracy: exact", 22, 19, "'accuracy' must be a map, found 'exact'", "accuracy: {exact_for: 48h, hop: 5m}" },
        { "default: 0", "accuracy: {hops: 5m}", 22, 20, "unknown key 'hops'", "did you mean 'hop'?" },
        { "default: 0", "accuracy: {hop: 5}", 22, 25, "'hop' must be text, found '5'", "add a unit" },
        { "where: amount > 0", "allowed_lateness: never", 16, 23, "'never' is not a duration", "ms s m h d" },
        { "where: amount > 0", "ttl: 7", 16, 10, "'ttl' must be text, found '7'", "add a unit" },
        { "default: 0", "ttl: 7d", 22, 9, "unknown key 'ttl'", "belongs to the view" },
        { "default: 0", "default: [0]", 22, 18, "'default' cannot be a list", "a number, a quoted text, true or false" },
    };

    /// <summary>What YAML, or the files together, or the catalog refuse.</summary>
    public static readonly TheoryData<string, string, int, int, string, string> Beyond = new()
    {
        { "    entity: customer", "\tentity: customer", 14, 1, "a tab indents this line", "spaces" },
        { "    entity: customer", "     entity: customer", 14, 12, "this is not YAML", "indentation" },
        { "key: [customer_id]", "key: [customer_id", 10, 10, "this is not YAML", "close the list with ]" },
        { "where: amount > 0", "where: \"amount > 0", 16, 12, "this is not YAML", "close the quote" },
        { "where: amount > 0", "where: 'CHF' == customer_id", 16, 18, "this is not YAML", "quote the whole text" },
        { "where: amount > 0", "where: fraud ? amount > 0 : true", 16, 31, "this is not YAML", "quote text that contains ': '" },
        { "where: amount > 0", "where: !fraud", 16, 12, "the YAML tag '!fraud' is not allowed", "where: \"!fraud\"" },
        { "where: amount > 0", "where: amount > 0\n    where: amount > 1", 17, 5, "the key 'where' appears twice", "first on line 16" },
        { "key: [customer_id]", "key: &key [customer_id]", 10, 10, "the anchor '&key' is not allowed", "write the value out" },
        { "key: [customer_id]", "key: &key [*key]", 10, 16, "'*key' is cyclic", "write the value out" },
        { "key: [customer_id]", "key: *key", 10, 10, "the alias '*key' is not allowed", "write the value out" },
        { "key: [customer_id]", "? [key]\n    : [customer_id]", 10, 7, "a list cannot be a key", "a key is a name" },
        { "feature_services:", "---\nfeature_services:", 23, 1, "a second one begins here", "delete the line ---" },
        { "where: amount > 0", "where: amount\u0000 > 0", 16, 18, "the character U+0000 is not text", "delete it" },
        { "key: [customer_id]", "key: [[[[[[[[[[[[[[[[[[customer_id]]]]]]]]]]]]]]]]]]", 10, 23, "nested deeper than 16", "bracket" },
        { "window: 1d", "window: 9999999999d", 18, 49, "'9999999999d' is too long for 'window'", "at most 3650d" },
        { "window: 1d", "window: 0d", 18, 49, "a window of 0s", "above zero" },
        { "window: 1d", "window: {time_zone: UTC}", 18, 49, "a window is one of 'tumbling', 'session' and 'last', found none of them", "add for example tumbling: 1d" },
        { "window: 1d", "window: {session: 1h, last: 5}", 18, 63, "found 'session' and 'last'", "keep one" },
        { "window: 1d", "window: {session: 1h, time_zone: UTC}", 18, 63, "'time_zone' goes with 'tumbling'", "delete it, or write tumbling: …" },
        { "window: 1d", "window: {last: 5, max: 1d}", 18, 59, "'max' goes with 'session'", "delete it, or write session: …" },
        { "window: 1d", "window: {session: 9999999999d}", 18, 59, "'9999999999d' is too long for 'session'", "at most 3650d" },
        { "window: 1d", "window: {tumbling: 9999999999d}", 18, 60, "'9999999999d' is too long for 'tumbling'", "at most 3650d" },
        { "window: 1d", "window: {tumbling: 7m}", 18, 49, "tumbling windows of 7m would not begin at the same time every day", "a length that divides a day" },
        { "window: 1d", "window: {tumbling: 1d, time_zone: Europe/Zurihc}", 18, 75, "there is no time zone 'Europe/Zurihc'", "did you mean 'Europe/Zurich'?" },
        { "window: 1d", "window: {session: 2d}", 18, 49, "a session with a gap of 2d and a span of at most 1d", "at most as long as the span" },
        { "default: 0", "accuracy: {exact_for: 48h, hop: 100ms}", 22, 41, "a hop of 100ms is not possible", "1s to 1d" },
        { "default: 0", "accuracy: {exact_for: 10s}", 22, 31, "exact for 10s in hops of 1m is not possible", "at least one hop" },
        { "window: 1d", "window: 10s, accuracy: {hop: 5m}", 18, 70, "a hop of 5m would blur a window of 10s", "at most 10s" },
        { "where: amount > 0", "allowed_lateness: 99999999d", 16, 23, "'99999999d' is too long for 'allowed_lateness'", "at most 3650d" },
        { "name: avg_7d", "name: nb_1d", 19, 15, "feature 'nb_1d' is defined twice", "rename" },
        { "  - name: customer\n    key: [customer_id]", "  - name: customer\n    key: [customer_id]\n  - name: customer\n    key: []", 11, 11, "'customer' is defined twice", "the first is at fraud.yaml:9:11" },
        { "event_id: tx_id", "event_id: txid", 5, 15, "stream 'transactions' has no field 'txid'", "did you mean 'tx_id'?" },
        { "event_time: tx_time", "event_time: tx_id", 6, 17, "field 'tx_id' is int64", "timestamp" },
        { "stream: transactions", "stream: transaction", 15, 13, "there is no stream 'transaction'", "did you mean 'transactions'?" },
        { "entity: customer", "entity: custmer", 14, 13, "there is no entity 'custmer'", "did you mean 'customer'?" },
        { "key: [customer_id]", "key: [customerid]", 10, 10, "has no field 'customerid'", "did you mean 'customer_id'?" },
        { "mean(amount)", "maen(amount)", 20, 20, "there is no aggregate 'maen'", "mean" },
        { "mean(amount)", "max_by(amount, amuont)", 20, 20, "stream 'transactions' has no field 'amuont'", "did you mean 'amount'?" },
        { "mean(amount)", "mean(amuont)", 20, 20, "stream 'transactions' has no field 'amuont'", "did you mean 'amount'?" },
        { "where: amount > 0", "where: amuont > 0", 16, 12, "at column 1 of 'amuont > 0': unknown field 'amuont'", "did you mean 'amount'?" },
        { "where: amount > 0", "where: amount + 1", 16, 12, "gives double, a filter gives bool", "compare it" },
        { "default: 0", "default: no", 22, 18, "the default is string, the feature is double", "double" },
        { "where: amount > 0", "ttl: 0s", 16, 10, "a ttl of 0s is not possible", "for example 7d" },
        { "feature_services:", "on_demand: [{name: ratio, type: double, expr: request.amount / spend.avg_8d}]\nfeature_services:", 23, 47, "unknown field 'spend.avg_8d'", "did you mean 'spend.avg_7d'?" },
        { "feature_services:", "on_demand: [{name: ratio, type: bool, expr: request.amount / spend.avg_7d}]\nfeature_services:", 23, 33, "gives double, the feature is bool", "declare it double" },
        { "\"spend:avg_7d\"]", "fraud]", 26, 31, "there is no feature 'fraud'", "cannot include another" },
        { "\"spend:avg_7d\"]", "\"spend:avg_8d\"]", 26, 31, "there is no feature 'spend:avg_8d'", "did you mean 'spend:avg_7d'?" },
    };

    [Theory]
    [MemberData(nameof(Structure))]
    [MemberData(nameof(Beyond))]
    public void A_wrong_file_is_refused_with_line_column_and_a_way_out(string old, string wrong, int line, int column, string message, string suggestion)
    {
        DefinitionReading reading = Samples.Read(Samples.With(old, wrong));
        reading.Catalog.ShouldBeNull();
        SourceError error = reading.Errors.ShouldHaveSingleItem(string.Join("\n", reading.Errors));
        error.Message.ShouldContain(message);
        error.Suggestion.ShouldContain(suggestion);
        (error.File, error.Line, error.Column).ShouldBe(("fraud.yaml", line, column), error.ToString());
    }

    [Theory]
    [MemberData(nameof(Structure))]
    public async Task What_the_reader_refuses_for_its_structure_the_schema_alone_refuses_too(string old, string wrong, int line, int column, string message, string suggestion)
    {
        JsonSchema schema = await JsonSchema.FromJsonAsync(DefinitionSchema.Json, TestContext.Current.CancellationToken);
        YamlNode root = YamlTreeReader.Read(new DefinitionSource("fraud.yaml", Samples.With(old, wrong)), out _).ShouldNotBeNull();
        schema.Validate(new YamlJson(root).Root).ShouldNotBeEmpty($"{line}:{column} {message} {suggestion}");
    }

    [Fact]
    public async Task What_the_reader_accepts_the_schema_accepts()
    {
        JsonSchema schema = await JsonSchema.FromJsonAsync(DefinitionSchema.Json, TestContext.Current.CancellationToken);
        string fraud = await File.ReadAllTextAsync(Samples.RepositoryPath("definitions/fraud/fraud.yaml"), TestContext.Current.CancellationToken);
        foreach (string text in (string[])[Samples.Small, fraud])
        {
            YamlNode root = YamlTreeReader.Read(new DefinitionSource("fraud.yaml", text), out _).ShouldNotBeNull();
            schema.Validate(new YamlJson(root).Root).ShouldBeEmpty();
            Samples.Read(text).Errors.ShouldBeEmpty();
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment\n")]
    [InlineData("---\n# nothing\n")]
    public void A_file_without_definitions_says_how_to_begin(string text) =>
        Samples.Read(text).Errors.ShouldHaveSingleItem().Suggestion.ShouldContain("apiVersion: orleansfeatures/v1");

    [Fact]
    public void Half_a_surrogate_pair_is_not_text() =>
        Samples.Read(Samples.With("where: amount > 0", "where: amount\ud800 > 0")).Errors.ShouldHaveSingleItem().Message.ShouldBe("the character U+D800 is not text");

    [Fact]
    public void All_errors_of_all_files_are_reported_by_file_and_line()
    {
        DefinitionReading reading = DefinitionReader.Read(
        [
            new("z.yaml", "apiVersion: 1\nstream: []\n"),
            new("a.yaml", Samples.With("window: 1d", "widow: 1d").Replace("amount: double", "amount: flaot", StringComparison.Ordinal)),
        ]);
        reading.Errors.Select(error => $"{error.File}:{error.Line}").ShouldBe(["a.yaml:7", "a.yaml:18", "z.yaml:1", "z.yaml:2"]);
    }

    [Fact]
    public void A_definition_in_two_files_names_both_places()
    {
        DefinitionReading reading = DefinitionReader.Read([new("a.yaml", Samples.Small), new("b.yaml", Samples.Small)]);
        reading.Errors.Select(error => error.ToString()).ShouldBe(
        [
            "b.yaml:3:11: 'transactions@1' is defined twice: the first is at a.yaml:3:11: delete one of the two, or give it another name or version",
            "b.yaml:9:11: 'customer' is defined twice: the first is at a.yaml:9:11: delete one of the two, or give it another name or version",
            "b.yaml:12:11: 'spend@1' is defined twice: the first is at a.yaml:12:11: delete one of the two, or give it another name or version",
            "b.yaml:24:11: 'fraud@1' is defined twice: the first is at a.yaml:24:11: delete one of the two, or give it another name or version",
        ]);
    }

    [Fact]
    public void Too_long_too_many_and_too_many_nodes_are_refused()
    {
        Samples.Read(new string('#', Limits.DefinitionFileCharsMax + 1)).Errors.ShouldHaveSingleItem().Message.ShouldContain($"longer than {Limits.DefinitionFileCharsMax}");
        DefinitionReader.Read(Enumerable.Range(0, Limits.DefinitionFilesMax + 1).Select(i => new DefinitionSource($"{i:000}.yaml", "a: 1")))
            .Errors.ShouldHaveSingleItem().Message.ShouldContain($"more than {Limits.DefinitionFilesMax}");
        Samples.Read("a: [" + string.Concat(Enumerable.Repeat("1,", Limits.DefinitionNodesMax)) + "]").Errors.ShouldHaveSingleItem().Message.ShouldContain("keys and values");
        string filler = "#" + new string('x', Limits.DefinitionFileCharsMax - 1);
        DefinitionReader.Read(Enumerable.Range(0, 9).Select(i => new DefinitionSource($"{i}.yaml", filler))).Errors.ShouldHaveSingleItem().Message.ShouldContain("together");
        DefinitionReader.Read([new("a.yaml", Samples.Small), new("a.yaml", Samples.Small)]).Errors.ShouldHaveSingleItem().Message.ShouldContain("given 2 times");
    }

    [Fact]
    public void A_flood_of_errors_is_cut()
    {
        string items = string.Concat(Enumerable.Range(0, 1_000).Select(i => $"  - {{nme: e{i}, kye: []}}\n"));
        Samples.Read("apiVersion: orleansfeatures/v1\nentities:\n" + items).Errors.Length.ShouldBe(Limits.DefinitionErrorsMax);
    }

    [Fact]
    public void Deep_brackets_are_refused_at_once() =>
        Samples.Read(new string('[', Limits.DefinitionFileCharsMax)).Errors.ShouldHaveSingleItem().Message.ShouldContain("nested deeper");
}
