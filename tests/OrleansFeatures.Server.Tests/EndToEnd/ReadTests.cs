using System.Text.Json;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class ReadTests(ReadStoreFixture store) : IClassFixture<ReadStoreFixture>, IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Features_are_read_as_of_a_past_instant()
    {
        JsonElement row = (await GetAsync("--entity", "customer=596", "--entity", "terminal=3156", "--as-of", "2018-04-01T12:00:00Z"))[0];
        row.GetProperty("keys").GetProperty("customer_id").GetInt64().ShouldBe(596);
        Value(row, "customer_spend:nb_tx_1d").GetInt64().ShouldBe(2);
        Value(row, "customer_spend:avg_amount_1d").GetDouble().ShouldBe(15);
        row.GetProperty("entities").EnumerateArray().Select(entity => entity.GetProperty("entity").GetString()).ShouldBe(["customer", "terminal"]);
    }

    [Fact]
    public async Task Stream_time_is_the_newest_event_here()
    {
        JsonElement row = (await GetAsync("--entity", "customer=596", "--entity", "terminal=3156", "--as-of", "stream"))[0];
        Value(row, "customer_spend:nb_tx_7d").GetInt64().ShouldBe(1);
        Value(row, "terminal_risk:nb_tx_7d").GetInt64().ShouldBe(2);
        Value(row, "terminal_risk:risk_7d").GetDouble().ShouldBe(0.5);
    }

    [Fact]
    public async Task What_is_computed_with_the_request_is_the_same_in_get_and_training()
    {
        string[] common = ["get", "--server", store.Grpc, "--service", "fraud_online", "--entity", "customer=596", "--entity", "terminal=3156", "--as-of", "2018-04-01T12:00:00Z"];
        CommandRun run = await CommandRun.RunAsync([.. common, "--output", "json", "--request", "amount=30"]);
        run.ExitCode.ShouldBe(0, run.Error);
        Value(JsonDocument.Parse(run.Out).RootElement[0], "amount_ratio").GetDouble().ShouldBe(2);

        CommandRun missing = await CommandRun.RunAsync(common);
        missing.Error.ShouldContain("feature service fraud_online computes with amount (double) of the request; add --request amount=...");
        CommandRun unknown = await CommandRun.RunAsync([.. common, "--request", "amount=1", "--request", "amuont=1"]);
        unknown.Error.ShouldContain("takes no field 'amuont' of the request");
        (await CommandRun.RunAsync([.. common, "--request", "amount=much"])).Error.ShouldContain("'much' is not a double");

        string rows = _directory.Write("rows.csv", "customer_id,terminal_id,as_of,request.amount\n596,3156,2018-04-01T12:00:00Z,30\n596,3156,2018-04-01T12:00:00Z,\n");
        string output = _directory.File("training.csv");
        CommandRun training = await CommandRun.RunAsync(["training", "--server", store.Grpc, "--service", "fraud_online", "--rows", rows, "--out", output]);
        training.ExitCode.ShouldBe(0, training.Error);
        string[] lines = File.ReadAllLines(output);
        lines[0].ShouldEndWith(",amount_ratio");
        lines[1].ShouldEndWith(",2");
        lines[2].ShouldEndWith(",", customMessage: "a request without an amount");
    }

    [Fact]
    public async Task Several_rows_share_an_entity_given_once()
    {
        JsonElement rows = await GetAsync("--entity", "customer=596", "--entity", "customer=4961", "--entity", "terminal=3156", "--as-of", "2018-04-09T12:00:00Z");
        rows.GetArrayLength().ShouldBe(2);
        Value(rows[0], "customer_spend:nb_tx_1d").GetInt64().ShouldBe(0);
        Value(rows[1], "customer_spend:nb_tx_1d").GetInt64().ShouldBe(1);
        rows[0].GetProperty("features").GetProperty("customer_spend:avg_amount_1d").GetProperty("status").GetString().ShouldBe("NULL_VALUE");
    }

    [Fact]
    public async Task The_table_shows_value_status_and_state()
    {
        CommandRun run = await CommandRun.RunAsync(["get", "--server", store.Grpc, "--service", "fraud", "--entity", "customer=596", "--entity", "terminal=3156", "--as-of", "2018-04-01T12:00:00Z"]);
        run.ExitCode.ShouldBe(0, run.Error);
        run.Out.ShouldContain("customer_spend:avg_amount_1d");
        run.Out.ShouldContain("PRESENT");
        run.Out.ShouldContain("last event 2018-04-03T11:00:00Z");
    }

    [Theory]
    [InlineData("--service fruad --entity customer=1", 1, "no feature service 'fruad'; did you mean 'fraud'?")]
    [InlineData("--service fraud --entity customer=1", 2, "needs key field terminal_id; add --entity terminal=...")]
    [InlineData("--service fraud --entity custmer=1 --entity terminal=1", 2, "did you mean 'customer'?")]
    [InlineData("--service fraud --entity customer=x --entity terminal=1", 2, "'x' is not a whole number")]
    [InlineData("--service fraud --entity customer=1,2 --entity terminal=1", 2, "'1,2' is not a whole number")]
    [InlineData("--service fraud --entity customer=1 --entity customer=2 --entity customer=3 --entity terminal=1 --entity terminal=2", 2, "give each type once for all rows, or once per row")]
    public async Task A_read_that_cannot_be_answered_names_what_is_wrong(string arguments, int code, string expected)
    {
        CommandRun run = await CommandRun.RunAsync(["get", "--server", store.Grpc, .. arguments.Split(' ')]);
        run.Error.ShouldContain(expected);
        run.ExitCode.ShouldBe(code);
    }

    [Fact]
    public async Task Training_rows_get_the_features_of_their_own_time()
    {
        string rows = _directory.Write("rows.csv", "label,customer_id,terminal_id,when\na,596,3156,2018-04-01T10:30:00Z\nb,596,3156,2018-04-09T10:30:00Z\nc,1,1,2018-04-01T00:00:00Z\n");
        string output = _directory.File("training.csv");
        CommandRun run = await CommandRun.RunAsync(["training", "--server", store.Grpc, "--service", "fraud", "--rows", rows, "--out", output, "--map", "as_of=when"]);
        run.ExitCode.ShouldBe(0, run.Error);
        string[][] cells = File.ReadLines(output).Select(line => line.Split(',')).ToArray();
        cells[0][..4].ShouldBe(["label", "customer_id", "terminal_id", "when"]);
        int Column(string name) => Array.IndexOf(cells[0], name);
        cells.Skip(1).Select(row => row[0]).ShouldBe(["a", "b", "c"]);
        cells.Skip(1).Select(row => row[Column("customer_spend:avg_amount_7d")]).ShouldBe(["10", "90", ""]);
        cells.Skip(1).Select(row => row[Column("customer_spend:nb_tx_30d")]).ShouldBe(["1", "3", "0"]);
        cells.Skip(1).Select(row => row[Column("terminal_risk:risk_1d")]).ShouldBe(["0", "1", "0"]);
    }

    [Fact]
    public async Task Definitions_that_are_live_plan_as_no_change_and_apply_again()
    {
        CommandRun plan = await CommandRun.RunAsync(["plan", "--server", store.Grpc, "--definitions", StoreProcess.FraudDefinitions]);
        plan.ExitCode.ShouldBe(0, plan.Error);
        plan.Out.ShouldContain("no changes");
        CommandRun apply = await CommandRun.RunAsync(["apply", "--server", store.Grpc, "--definitions", StoreProcess.FraudDefinitions, "--output", "json"]);
        apply.ExitCode.ShouldBe(0, apply.Error);
        JsonDocument.Parse(apply.Out).RootElement.GetProperty("applied").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task A_changed_window_is_breaking_and_changes_nothing_unless_allowed()
    {
        string file = _directory.Write("fraud.yaml", FraudYaml().Replace("nb_tx_1d, aggregate: count, window: 1d}", "nb_tx_1d, aggregate: count, window: 2d}", StringComparison.Ordinal));
        foreach (string command in new[] { "plan", "apply" })
        {
            CommandRun run = await CommandRun.RunAsync([command, "--server", store.Grpc, "--definitions", file]);
            run.ExitCode.ShouldBe(1);
            run.Out.ShouldContain("breaking");
            run.Error.ShouldContain("--allow-breaking");
        }

        (await CommandRun.RunAsync(["plan", "--server", store.Grpc, "--definitions", StoreProcess.FraudDefinitions])).Out.ShouldContain("no changes");
    }

    [Theory]
    [InlineData("  - name: terminal_risk", "  - name: customer_spend", "customer_spend")]
    [InlineData("    entity: terminal\n", "    entity: termnal\n", "terminal")]
    [InlineData("event_time: tx_time", "event_time: tx_tiem", "tx_time")]
    public async Task Wrong_definitions_are_named_by_file_and_line(string from, string to, string expected)
    {
        string text = FraudYaml();
        text.ShouldContain(from);
        string file = _directory.Write("wrong.yaml", text.Replace(from, to, StringComparison.Ordinal));
        CommandRun run = await CommandRun.RunAsync(["plan", "--server", store.Grpc, "--definitions", file]);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldMatch(@"wrong\.yaml:\d+:\d+: ");
        run.Error.ShouldContain(expected);
        run.Error.ShouldContain("nothing was changed");
    }

    private static string FraudYaml() => File.ReadAllText(Path.Combine(StoreProcess.FraudDefinitions, "fraud.yaml"));

    private static JsonElement Value(JsonElement row, string feature) => row.GetProperty("features").GetProperty(feature).GetProperty("value");

    private async Task<JsonElement> GetAsync(params string[] arguments)
    {
        CommandRun run = await CommandRun.RunAsync(["get", "--server", store.Grpc, "--service", "fraud", "--output", "json", .. arguments]);
        run.ExitCode.ShouldBe(0, run.Error);
        return JsonDocument.Parse(run.Out).RootElement;
    }
}
