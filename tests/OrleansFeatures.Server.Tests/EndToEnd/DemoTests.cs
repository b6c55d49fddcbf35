using System.Text.Json;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class DemoTests
{
    [Fact]
    public async Task With_output_redirected_the_demo_prints_a_line_a_second_and_how_to_ask()
    {
        CommandRun run = await CommandRun.RunAsync(["demo", "--seconds", "3", "--rate", "2000", "--customers", "500", "--terminals", "500"]);
        run.ExitCode.ShouldBe(0, run.Error);
        string[] lines = run.Out.Split('\n');

        // Of the three seconds a busy machine may need one or two to begin.
        lines.ShouldContain(line => line.Contains("events/s  freshness p50", StringComparison.Ordinal));
        run.Out.ShouldNotContain("\u001b[");
        run.Out.ShouldContain("push to readable: p50 ");
        run.Out.ShouldContain("orleans-features get --server http://127.0.0.1:");
        run.Out.ShouldContain("curl 'http://127.0.0.1:");
        run.Out.ShouldContain("buf curl ");
    }

    [Fact]
    public async Task As_json_the_demo_prints_one_document_of_figures()
    {
        CommandRun run = await CommandRun.RunAsync(["demo", "--seconds", "2", "--rate", "2000", "--output", "json"]);
        run.ExitCode.ShouldBe(0, run.Error);
        JsonElement figures = JsonDocument.Parse(run.Out).RootElement;
        figures.GetProperty("accepted").GetInt64().ShouldBeInRange(1_000, 4_100);
        figures.GetProperty("freshness_ms").GetProperty("count").GetInt64().ShouldBeGreaterThan(10);
        figures.GetProperty("lookup_ms").GetProperty("p50").GetDouble().ShouldBeGreaterThan(0);
    }
}
