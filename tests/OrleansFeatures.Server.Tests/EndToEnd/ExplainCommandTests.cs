using System.Text.Json;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class ExplainCommandTests(ReadStoreFixture store) : IClassFixture<ReadStoreFixture>
{
    [Fact]
    public async Task The_table_shows_the_value_its_window_and_every_event_with_its_reason()
    {
        CommandRun run = await RunAsync("--feature customer_spend:avg_amount_1d --entity customer=596 --as-of 2018-04-01T12:00:00Z");
        run.ExitCode.ShouldBe(0, run.Error);
        run.Out.ShouldContain("customer_spend:avg_amount_1d  customer=596  as of 2018-04-01T12:00:00Z");
        run.Out.ShouldContain("15: the served value");
        run.Out.ShouldContain("after 2018-03-31T12:00:00Z through 2018-04-01T12:00:00Z");
        run.Out.ShouldContain("2 count, 2 do not (1 before window, 1 after window)");
        string[] lines = run.Out.Split('\n');
        lines.Single(line => line.Contains("2018-04-01T11:00:00Z", StringComparison.Ordinal)).ShouldContain("yes");
        lines.Single(line => line.Contains("2018-03-01T11:00:00Z", StringComparison.Ordinal)).ShouldContain("no: before window");
        run.Out.ShouldNotContain("4961");
        run.Out.ShouldNotContain("\u001b", Case.Sensitive, "a pipe gets no colours");
    }

    [Fact]
    public async Task The_json_is_the_document_that_rest_answers_with()
    {
        CommandRun run = await RunAsync("--feature terminal_risk:nb_tx_7d --entity terminal=3156 --as-of stream --events 1 --output json");
        run.ExitCode.ShouldBe(0, run.Error);
        JsonElement feature = JsonDocument.Parse(run.Out).RootElement.GetProperty("features")[0];
        feature.GetProperty("agreement").GetString().ShouldBe("AGREES");
        feature.GetProperty("window").GetProperty("through").GetString().ShouldBe("2018-04-02T10:30:00Z");
        feature.GetProperty("contributing").GetInt64().ShouldBe(2);
        feature.GetProperty("events").GetArrayLength().ShouldBe(2);
    }

    [Fact]
    public async Task An_on_demand_feature_is_explained_with_a_field_of_the_request()
    {
        CommandRun run = await RunAsync("--feature amount_ratio --entity customer=596 --as-of 2018-04-01T12:00:00Z --request amount=30 --output json");
        run.ExitCode.ShouldBe(0, run.Error);
        JsonElement features = JsonDocument.Parse(run.Out).RootElement.GetProperty("features");
        (features[0].GetProperty("value").GetDouble(), features[1].GetProperty("feature").GetString()).ShouldBe((2, "customer_spend:avg_amount_7d"));
    }

    [Theory]
    [InlineData("--feature customer_spend:avg_amount_9d --entity customer=596", 1, "there is no feature 'customer_spend:avg_amount_9d'")]
    [InlineData("--feature customer_spend:avg_amount_1d --entity custmer=596", 2, "did you mean 'customer'?")]
    [InlineData("--feature customer_spend:avg_amount_1d --entity customer=1 --entity customer=2", 2, "one value is explained at a time")]
    [InlineData("--feature customer_spend:avg_amount_1d", 1, "needs the key field 'customer_id'")]
    [InlineData("--feature customer_spend:avg_amount_1d --entity customer=1 --as-of yesterday", 2, "--as-of yesterday: expected an RFC 3339 time")]
    [InlineData("--feature customer_spend:avg_amount_1d --entity customer=1 --events 0", 2, "--events 0: expected 1 to 10000")]
    public async Task What_cannot_be_explained_names_what_is_wrong(string arguments, int code, string expected)
    {
        CommandRun run = await RunAsync(arguments);
        run.ExitCode.ShouldBe(code, run.Error);
        run.Error.ShouldContain(expected);
    }

    private Task<CommandRun> RunAsync(string arguments) => CommandRun.RunAsync(["explain", "--server", store.Grpc, .. arguments.Split(' ')]);
}
