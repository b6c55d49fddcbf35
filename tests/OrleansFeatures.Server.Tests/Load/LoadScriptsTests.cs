using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Load.Objectives;
using OrleansFeatures.Server.Tests.EndToEnd;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Load;

/// <summary>k6 itself is not there where these run: what it would load is loaded as it would, and what it would be told is held to the plan, to our protos, and to a real store.</summary>
public sealed class LoadScriptsTests(StoreFixture fixture) : IClassFixture<StoreFixture>, IDisposable
{
    private static readonly LoadPlan Plan = LoadPlanReader.Read(BenchCommand.DefaultPlan);

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Every_scenario_of_the_plan_has_a_script_with_its_rates()
    {
        JsonObject scripts = await OptionsAsync(LoadScripts.Folder);
        scripts.Select(script => script.Key).Where(name => !name.Contains(' ')).Order().ShouldBe(Plan.Scenarios.Keys.Select(name => $"{name}.js").Order());
        foreach (Scenario scenario in Plan.Scenarios.Values)
        {
            JsonNode script = scripts[$"{scenario.Name}.js"]!;
            JsonObject parts = script["options"]!["scenarios"]!.AsObject();
            parts.Select(part => part.Key).ShouldBe(scenario.Rates.Select(each => each.Operation));
            script["exports"]!.AsArray().Select(name => name!.GetValue<string>()).Order().ShouldBe(scenario.Rates.Select(each => each.Operation).Append("setup").Order());
            foreach ((string operation, double rate) in scenario.Rates)
            {
                JsonNode part = parts[operation]!;
                part["exec"]!.GetValue<string>().ShouldBe(operation);
                part["tags"]!["operation"]!.GetValue<string>().ShouldBe(operation);
                part["timeUnit"]!.GetValue<string>().ShouldBe("10s");
                RequireArrivals(part, scenario, rate * 10);
            }
        }
    }

    [Theory]
    [InlineData("", "grpc", false)]
    [InlineData(" rest", "http", false)]
    [InlineData(" strict", "grpc", true)]
    public async Task Thresholds_are_the_objectives_of_the_plan(string variant, string protocol, bool withBars)
    {
        JsonObject scripts = await OptionsAsync(LoadScripts.Folder);
        foreach (Scenario scenario in Plan.Scenarios.Values)
        {
            var expected = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
            foreach (Objective objective in Plan.Objectives.Concat(withBars ? Plan.Bars : []).Where(each => scenario.Rates.Any(rate => rate.Operation == each.Operation)))
            {
                Expect(expected, objective, protocol, scenario);
            }

            JsonObject found = scripts[$"{scenario.Name}.js{variant}"]!["options"]!["thresholds"]!.AsObject();
            found.Select(each => $"{each.Key} {string.Join(", ", each.Value!.AsArray())}").Order(StringComparer.Ordinal)
                .ShouldBe(expected.Select(each => $"{each.Key} {string.Join(", ", each.Value)}").Order(StringComparer.Ordinal), $"{scenario.Name}{variant}");
        }
    }

    [Fact]
    public async Task A_real_store_takes_everything_that_the_scripts_send()
    {
        LoadScripts.SkipWithoutNode();
        string said = await LoadScripts.RunAsync(LoadScripts.Folder, fixture.Store.Grpc["http://".Length..], fixture.Store.Http);
        string[] lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Where(line => !line.StartsWith("ok ", StringComparison.Ordinal)).ShouldBeEmpty();
        lines.Length.ShouldBe(2 * Plan.Scenarios.Values.Sum(scenario => scenario.Rates.Count), "each operation of each script, over gRPC and REST");
    }

    [Theory]
    [InlineData("grpc.js", "asOfStreamTime: true", "asOfStreamTimes: true", "GetFeaturesRequest has no field asOfStreamTimes")]
    [InlineData("grpc.js", "/Push`", "/Pish`", "has no method Pish")]
    [InlineData("grpc.js", "count: events.length", "count: 'all'", "\"all\" is no uint32")]
    [InlineData("grpc.js", "int64s: rows.map((row) => String(row.customer_id))", "int64s: rows.map((row) => row.customer_id)", "is no sfixed64 (as text")]
    public async Task A_message_that_contradicts_the_protos_is_found(string file, string right, string wrong, string expected)
    {
        LoadScripts.SkipWithoutNode();
        string folder = LoadScripts.CopyTo(_directory.File("copy"));
        string script = await File.ReadAllTextAsync(Path.Combine(folder, file), TestContext.Current.CancellationToken);
        script.ShouldContain(right);
        await File.WriteAllTextAsync(Path.Combine(folder, file), script.Replace(right, wrong, StringComparison.Ordinal), TestContext.Current.CancellationToken);
        File.Delete(Path.Combine(folder, "soak.js"));

        // Preparing sends pushes too: a mistake there ends the program instead of one operation.
        string said;
        try
        {
            said = await LoadScripts.RunAsync(folder, fixture.Store.Grpc["http://".Length..], fixture.Store.Http);
        }
        catch (InvalidOperationException failed)
        {
            said = failed.Message;
        }

        said.ShouldContain(expected);
    }

    [Theory]
    [InlineData("percentile: 99, below_ms: 5}", "percentile: 99, below_ms 5}", "is not \"name: value\"")]
    [InlineData("objectives:\n", "objectifs:\n", "slo.yaml")]
    public async Task A_plan_that_the_scripts_do_not_understand_is_refused(string right, string wrong, string expected)
    {
        LoadScripts.SkipWithoutNode();
        string folder = LoadScripts.CopyTo(_directory.File("copy"));
        string plan = Path.Combine(folder, "..", "slo.yaml");
        string text = await File.ReadAllTextAsync(plan, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(plan, text.Replace(right, wrong, StringComparison.Ordinal), TestContext.Current.CancellationToken);
        (await Should.ThrowAsync<InvalidOperationException>(() => LoadScripts.RunAsync(folder))).Message.ShouldContain(expected);
    }

    private static async Task<JsonObject> OptionsAsync(string folder)
    {
        LoadScripts.SkipWithoutNode();
        return JsonNode.Parse(await LoadScripts.RunAsync(folder))!.AsObject();
    }

    private static void RequireArrivals(JsonNode part, Scenario scenario, double perTenSeconds)
    {
        if (scenario.Spike == 1)
        {
            part["executor"]!.GetValue<string>().ShouldBe("constant-arrival-rate");
            part["rate"]!.GetValue<double>().ShouldBe(perTenSeconds);
            part["duration"]!.GetValue<string>().ShouldBe($"{scenario.Duration.TotalSeconds}s");
            return;
        }

        part["executor"]!.GetValue<string>().ShouldBe("ramping-arrival-rate");
        part["startRate"]!.GetValue<double>().ShouldBe(perTenSeconds);
        part["stages"]!.AsArray().Select(stage => stage!["target"]!.GetValue<double>() / perTenSeconds)
            .ShouldBe([1, scenario.Spike, scenario.Spike, 1, 1], "as RateProfile.Spike has it");
        part["stages"]!.AsArray().Sum(stage => double.Parse(stage!["duration"]!.GetValue<string>().TrimEnd('s'), CultureInfo.InvariantCulture)).ShouldBe(scenario.Duration.TotalSeconds);
    }

    private static void Expect(SortedDictionary<string, List<string>> expected, Objective objective, string protocol, Scenario scenario)
    {
        void Add(string metric, FormattableString bound)
        {
            expected.TryAdd(metric, []);
            expected[metric].Add(bound.ToString(CultureInfo.InvariantCulture));
        }

        string operation = objective.Operation;
        if (objective.Percentile is { } percentile)
        {
            string metric = operation == Operations.Readable ? "readable" : $"{protocol}_req_duration{{operation:{operation}}}";
            Add(metric, percentile == 100 ? $"max<{objective.Bound}" : (FormattableString)$"p({percentile})<{objective.Bound}");
            return;
        }

        double due = scenario.Rates.First(rate => rate.Operation == operation).Rate * scenario.Duration.TotalSeconds;
        Add($"failed{{operation:{operation}}}", $"rate<={objective.Bound / 100}");
        Add($"dropped_iterations{{scenario:{operation}}}", $"count<={Math.Floor(due * objective.Bound / 100)}");
    }
}
