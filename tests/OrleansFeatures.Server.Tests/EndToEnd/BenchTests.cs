using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>Short runs against a real store. What is judged here is that figures and verdicts are true to the plan, not how fast a busy machine is: bounds are such that they always hold, or never.</summary>
public sealed class BenchTests(StoreFixture fixture) : IClassFixture<StoreFixture>, IDisposable
{
    private const string Plan = """
        objectives:
          - {name: lookup-answers, operation: lookup, percentile: 100, below_ms: 60000}
          - {name: lookup-failed, operation: lookup, failed_percent_max: 0}
          - {name: push-failed, operation: push, failed_percent_max: 0}
          - {name: observe-failed, operation: observe, failed_percent_max: 0}
          - {name: readable-failed, operation: readable, failed_percent_max: 0}
        bars:
          - {name: beyond-light, operation: lookup, percentile: 50, below_ms: 0.001}
        scenarios:
          - {name: lookup, seconds: 2, lookup: 100}
          - {name: all, seconds: 3, lookup: 50, batch: 5, observe: 10, push: 5, readable: 5, rows: 20, events: 10}
          - {name: spike, seconds: 2, lookup: 20, spike: 5}
        """;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_run_of_every_operation_counts_each_request_once_and_keeps_its_promise()
    {
        CommandRun run = await BenchAsync("all", "--prepare", "5000", "--entities", "50", "--warm-up", "0s", "--output", "json");
        run.ExitCode.ShouldBe(0, run.Error);
        JsonNode document = JsonNode.Parse(run.Out)!;
        document["met"]!.GetValue<bool>().ShouldBeTrue();
        JsonArray operations = document["operations"]!.AsArray();
        operations.Select(operation => operation!["operation"]!.GetValue<string>()).ShouldBe(["lookup", "batch", "observe", "push", "readable"]);
        foreach (JsonNode? operation in operations)
        {
            operation!["due"]!.GetValue<long>().ShouldBeGreaterThan(0);
            operation["answered"]!.GetValue<long>().ShouldBe(operation["due"]!.GetValue<long>(), run.Out);
        }

        document["generator"]!["cpu_us_per_request"]!.GetValue<double>().ShouldBeGreaterThan(0);
        document["generator"]!["idle_send_delay_ms"]!["p99"]!.GetValue<double>().ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task The_same_runs_over_rest_with_context_and_tokens()
    {
        CommandRun run = await BenchAsync("all", "--transport", "rest", "--http", fixture.Store.Http, "--service", "fraud_online", "--prepare", "5000", "--entities", "50", "--warm-up", "0s", "--output", "json");
        run.ExitCode.ShouldBe(0, run.Error + run.Out);
        JsonNode document = JsonNode.Parse(run.Out)!;
        (document["met"]!.GetValue<bool>(), document["transport"]!.GetValue<string>(), document["server"]!.GetValue<string>()).ShouldBe((true, "REST", fixture.Store.Http));
        document["connections"]!.GetValue<int>().ShouldBeInRange(1, 1_000);
        foreach (JsonNode? operation in document["operations"]!.AsArray())
        {
            operation!["due"]!.GetValue<long>().ShouldBeGreaterThan(0);
            operation["answered"]!.GetValue<long>().ShouldBe(operation["due"]!.GetValue<long>(), run.Out);
        }
    }

    [Theory]
    [InlineData(3, "a lookup over REST is answered with UNAVAILABLE", "--transport", "rest", "--http", "http://127.0.0.1:1")]
    [InlineData(1, "a lookup over REST is answered with HTTP_", "--transport", "rest", "--http", "GRPC")]
    [InlineData(2, "--http http://127.0.0.1:1: it is where REST is; add --transport rest", "--http", "http://127.0.0.1:1")]
    [InlineData(2, "--http nowhere: expected the address of the store's REST", "--transport", "rest", "--http", "nowhere")]
    [InlineData(2, "bound them by --under-way", "--transport", "rest", "--connections", "4")]
    public async Task What_cannot_be_loaded_over_rest_is_said_before_the_run(int code, string expected, params string[] options)
    {
        CommandRun run = await BenchAsync("lookup", [.. options.Select(option => option == "GRPC" ? fixture.Store.Grpc : option)]);
        run.Error.ShouldContain(expected);
        run.ExitCode.ShouldBe(code, run.Error);
    }

    [Fact]
    public async Task A_service_with_on_demand_features_gets_what_they_want_of_the_request()
    {
        CommandRun run = await BenchAsync("all", "--service", "fraud_online", "--duration", "1s", "--warm-up", "0s");
        run.ExitCode.ShouldBe(0, run.Error);
        run.Out.ShouldNotContain("INVALID_ARGUMENT");
    }

    [Fact]
    public async Task A_missed_bar_is_told_and_fails_a_strict_run_only()
    {
        CommandRun run = await BenchAsync("lookup");
        run.ExitCode.ShouldBe(0, run.Error);
        run.Out.ShouldContain("beyond-light");
        run.Out.ShouldContain("missed");
        run.Out.ShouldNotContain("\u001b[", Case.Sensitive, "no colours where nobody sees them");

        CommandRun strict = await BenchAsync("lookup", "--strict");
        strict.ExitCode.ShouldBe(1);
        strict.Error.ShouldContain("beyond-light is broken: lookup p50 below 0.001 ms, found");
    }

    [Fact]
    public async Task A_broken_objective_is_named_and_fails_the_run()
    {
        CommandRun run = await BenchAsync("lookup", [], Plan.Replace("below_ms: 60000", "below_ms: 0.001", StringComparison.Ordinal));
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldContain("orleans-features: lookup-answers is broken: lookup longest below 0.001 ms, found");
        run.Out.ShouldContain("BROKEN");
    }

    [Fact]
    public async Task The_report_is_one_page_that_needs_nothing_else()
    {
        string page = _directory.File("report.html");
        CommandRun run = await BenchAsync("spike", "--report", page);
        run.ExitCode.ShouldBe(0, run.Error);
        string html = await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken);
        html.ShouldContain("<svg");
        html.ShouldContain("promise kept");
        html.ShouldNotContain("<script");
        html.ShouldNotContain("<link");
        html.ShouldNotContain("url(");
        html.ShouldNotContain("NaN");
        html.ShouldNotContain("∞");
    }

    [Fact]
    public async Task A_store_that_knows_none_of_the_entities_is_told_about()
    {
        CommandRun run = await BenchAsync("lookup", "--entities", "1000000000");
        run.Error.ShouldContain("note: the store knows 0 % of the entities");
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_refused_with_a_suggestion()
    {
        CommandRun run = await BenchAsync("lookup", "--service", "froud");
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldContain("did you mean 'fraud'?");
    }

    private async Task<CommandRun> BenchAsync(string scenario, string[] options, string plan)
    {
        string file = _directory.Write($"{Guid.NewGuid():N}.yaml", plan);
        return await CommandRun.RunAsync(["bench", scenario, "--server", fixture.Store.Grpc, "--slo", file, .. options]);
    }

    private Task<CommandRun> BenchAsync(string scenario, params string[] options) => BenchAsync(scenario, options, Plan);
}
