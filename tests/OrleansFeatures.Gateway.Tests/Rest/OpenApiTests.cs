using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansFeatures.Gateway.Tests.Serving;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Rest;

/// <summary>The OpenAPI document against the server: every path is there, and every example is sent and gets what it says.</summary>
public sealed partial class OpenApiTests
{
    [Fact]
    public async Task Every_example_gets_the_status_and_the_form_that_the_document_says()
    {
        await using RunningStore store = await StoreAsync();
        JsonNode document = await DocumentAsync(store);
        var check = new SchemaCheck(document);
        int examples = 0;
        foreach ((string path, string method, JsonNode operation) in Operations(document))
        {
            foreach ((string name, JsonNode? body, int expects) in ExamplesOf(operation))
            {
                string context = $"{method} {path}, {name}";
                using var request = new HttpRequestMessage(new HttpMethod(method), UrlOf(path, operation)) { Content = body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
                using HttpResponseMessage response = await store.Http.SendAsync(request, RunningStore.Cancelled);
                string text = await response.Content.ReadAsStringAsync(RunningStore.Cancelled);
                ((int)response.StatusCode).ShouldBe(expects, $"{context}: {text}");
                JsonNode said = (operation["responses"]![$"{expects}"] ?? operation["responses"]!["default"]).ShouldNotBeNull($"{context}: {expects} is documented");
                if (said["content"] is { } content)
                {
                    string form = response.Content.Headers.ContentType?.MediaType ?? "text/plain";
                    JsonNode schema = content[form].ShouldNotBeNull($"{context}: {form} is documented")["schema"]!;
                    check.Problems(form == "text/plain" ? JsonValue.Create(text) : JsonNode.Parse(text), schema).ShouldBeEmpty(context);
                }

                if (body is not null && expects == 200)
                {
                    check.Problems(body, operation["requestBody"]!["content"]!["application/json"]!["schema"]!).ShouldBeEmpty($"{context}: the example itself");
                }

                examples++;
            }
        }

        examples.ShouldBeGreaterThan(25);
    }

    [Fact]
    public async Task The_document_has_every_path_that_is_mapped_and_no_other()
    {
        await using RunningStore store = await StoreAsync();
        IEnumerable<string> mapped = Directory.EnumerateFiles(Path.Combine(RepositoryRoot(), "src", "OrleansFeatures.Gateway"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => MappedPath().Matches(File.ReadAllText(file))).Select(match => $"{match.Groups[1].Value.ToUpperInvariant()} {match.Groups[2].Value}");
        JsonNode document = await DocumentAsync(store);
        Operations(document).Select(operation => $"{operation.Method} {operation.Path}").ShouldBe(mapped, ignoreOrder: true);
    }

    [Fact]
    public async Task The_live_definitions_are_in_it()
    {
        await using RunningStore store = await StoreAsync();
        JsonNode document = await DocumentAsync(store);
        JsonNode service = document["paths"]!["/features/v1/{service}:get"]!["post"]!["parameters"]![0]!["schema"]!;
        service["examples"]!.ToJsonString().ShouldBe("""["fraud","fraud_online"]""");
        JsonNode features = document["components"]!["schemas"]!["features.fraud_online"]!["properties"]!;
        features["customer_spend:nb_tx_1d"]!["type"]![0]!.GetValue<string>().ShouldBe("integer");
        features["amount_ratio"]!["type"]![0]!.GetValue<string>().ShouldBe("number");
    }

    /// <summary>The validator is one that we did not write.</summary>
    [Fact]
    public async Task The_document_is_valid_openapi()
    {
        string clients = Path.Combine(RepositoryRoot(), "tests", "clients");
        Assert.SkipUnless(Directory.Exists(Path.Combine(clients, "node_modules", "@seriousme")), "the validator is not installed: run 'npm ci --prefix tests/clients'.");
        await using RunningStore store = await StoreAsync();
        string file = Path.Combine(store.DataDirectory, "openapi.json");
        await File.WriteAllTextAsync(file, (await DocumentAsync(store)).ToJsonString(), RunningStore.Cancelled);
        using Process node = Process.Start(new ProcessStartInfo("node", ["openapi.mjs", file]) { WorkingDirectory = clients, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = node.StandardError.ReadToEndAsync(RunningStore.Cancelled);
        string[] lines = (await node.StandardOutput.ReadToEndAsync(RunningStore.Cancelled)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await node.WaitForExitAsync(RunningStore.Cancelled);
        lines.ShouldContain("ok document 3.1", await errors);
        lines.Where(line => !line.StartsWith("ok ", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [GeneratedRegex("""\.Map(Get|Post|Put|Delete)\("(/[^"]+)""")]
    private static partial Regex MappedPath();

    private static async Task<RunningStore> StoreAsync()
    {
        RunningStore store = await RunningStore.StartAsync(await File.ReadAllTextAsync(Directory.EnumerateFiles(Path.Combine(RepositoryRoot(), "definitions", "fraud"), "*.yaml").Single(), RunningStore.Cancelled));
        const string Payments = """
            {"tx_id":1,"tx_time":"2018-04-01T10:00:00Z","customer_id":596,"terminal_id":3156,"amount":10,"fraud":false}
            {"tx_id":2,"tx_time":"2018-04-01T11:00:00Z","customer_id":596,"terminal_id":3156,"amount":20,"fraud":true}
            """;
        using HttpResponseMessage pushed = await store.Http.PostAsync("/events/v1/transactions", new StringContent(Payments), RunningStore.Cancelled);
        pushed.EnsureSuccessStatusCode();
        return store;
    }

    private static async Task<JsonNode> DocumentAsync(RunningStore store) => JsonNode.Parse(await store.Http.GetStringAsync("/openapi/v1.json", RunningStore.Cancelled))!;

    private static IEnumerable<(string Path, string Method, JsonNode Operation)> Operations(JsonNode document) =>
        document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => (path.Key, operation.Key.ToUpperInvariant(), operation.Value!)));

    /// <summary>Of an operation without a body the one that its parameters' examples make.</summary>
    private static IEnumerable<(string Name, JsonNode? Body, int Expects)> ExamplesOf(JsonNode operation) => operation["requestBody"] is { } body
        ? body["content"]!["application/json"]!["examples"]!.AsObject().Select(example => (example.Key, example.Value!["value"], (int)example.Value["x-expects"]!))
        : [("parameters", null, (int?)operation["x-expects"] ?? 200)];

    private static string UrlOf(string path, JsonNode operation)
    {
        var query = new List<string>();
        foreach (JsonNode? parameter in operation["parameters"] as JsonArray ?? [])
        {
            string? example = parameter!["example"]?.ToString();
            if ((string?)parameter["in"] == "path")
            {
                path = path.Replace($"{{{parameter["name"]}}}", Uri.EscapeDataString(example!), StringComparison.Ordinal);
            }
            else if (example is not null)
            {
                query.Add($"{parameter["name"]}={Uri.EscapeDataString(example)}");
            }
        }

        return query.Count == 0 ? path : $"{path}?{string.Join('&', query)}";
    }

    private static string RepositoryRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OrleansFeatures.sln")))
        {
            folder = folder.Parent;
        }

        return folder.ShouldNotBeNull("the tests run below the repository").FullName;
    }
}
