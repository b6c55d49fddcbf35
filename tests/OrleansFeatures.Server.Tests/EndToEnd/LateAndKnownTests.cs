using System.Text.Json;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>Events that come late, and events that say when they came, as a user of the program meets them.</summary>
public sealed class LateAndKnownTests(LateStoreFixture store) : IClassFixture<LateStoreFixture>
{
    [Fact]
    public async Task A_late_event_is_listed_with_the_view_that_does_not_take_it_and_counted_by_the_others()
    {
        JsonElement late = await store.RunAsync(0, "late", "--stream", "clicks");
        JsonElement one = late.GetProperty("events").EnumerateArray().ShouldHaveSingleItem();
        (one.GetProperty("late_by").GetString(), one.GetProperty("arrived").GetString()).ShouldBe(("1h", "2018-04-01T11:00:00Z"));
        one.GetProperty("views")[0].GetProperty("view").GetString().ShouldBe("strict");
        JsonElement row = (await store.RunAsync(0, "get", "--service", "all", "--entity", "user=ada", "--as-of", "2018-04-01T10:30:00Z"))[0].GetProperty("features");
        row.GetProperty("strict:n").GetProperty("value").GetInt32().ShouldBe(1);
        row.GetProperty("open:ops").GetProperty("value").GetRawText().ReplaceLineEndings("").Replace(" ", "").ShouldBe("{\"buy\":1,\"sell\":1}");
        CommandRun table = await CommandRun.RunAsync(["late", "--server", store.Grpc]);
        table.Out.ShouldContain("strict (allows 1m)");
        table.Out.ShouldContain("1 of 1");
        (await CommandRun.RunAsync(["late", "--server", store.Grpc, "--limit", "0"])).ExitCode.ShouldBe(2);
    }

    [Theory]
    [InlineData("2018-04-01T10:00:04Z", "")]
    [InlineData("2018-04-01T10:00:05Z", "buy")]
    [InlineData("2018-04-01T11:00:00Z", "buy sell")]
    public async Task A_read_sees_what_had_arrived_by_known_at(string knownAt, string operations)
    {
        JsonElement row = (await store.RunAsync(0, "get", "--service", "all", "--entity", "user=ada", "--as-of", "2018-04-01T10:30:00Z", "--known-at", knownAt))[0].GetProperty("features");
        JsonElement map = row.GetProperty("open:ops").GetProperty("value");
        string[] found = map.ValueKind == JsonValueKind.Null ? [] : [.. map.EnumerateObject().Select(pair => pair.Name)];
        found.ShouldBe(operations.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Memory_is_shown_for_the_process_and_for_one_entity()
    {
        JsonElement status = await store.RunAsync(0, "status");
        JsonElement memory = status.GetProperty("memory");
        (memory.GetProperty("budget_bytes").GetInt64(), memory.GetProperty("entity_budget_bytes").GetInt64()).ShouldBe((1L << 30, 16L << 20));
        JsonElement ada = await store.RunAsync(0, "inspect", "--entity", "user=ada");
        ada.GetProperty("events").GetInt32().ShouldBe(2);
        JsonElement bytes = ada.GetProperty("bytes");
        bytes.EnumerateObject().Where(part => part.Name != "total").Sum(part => part.Value.GetInt64()).ShouldBe(bytes.GetProperty("total").GetInt64());
        bytes.GetProperty("rows").GetInt64().ShouldBeInRange(1, memory.GetProperty("row_bytes").GetInt64());
        ada.GetProperty("exact_since").ValueKind.ShouldBe(JsonValueKind.Null);
        (await store.RunAsync(1, "inspect", "--entity", "user=nobody")).GetProperty("found").GetBoolean().ShouldBeFalse();
        CommandRun table = await CommandRun.RunAsync(["inspect", "--server", store.Grpc, "--entity", "user=ada"]);
        table.Out.ShouldContain("2 events held, 0 summed up");
        table.Out.ShouldContain("every event is held as itself");
        (await CommandRun.RunAsync(["status", "--server", store.Grpc])).Out.ShouldContain("of 1.0 GB");
    }

    [Fact]
    public async Task A_budget_that_is_no_amount_of_memory_is_wrong_usage()
    {
        CommandRun run = await CommandRun.RunAsync(["serve", "--data", "nowhere", "--memory-budget", "lots"]);
        run.ExitCode.ShouldBe(2);
        run.Error.ShouldContain("--memory-budget lots: expected an amount of memory of at least 64.0 KB, as 4GB, 512MB, or bytes");
        (await CommandRun.RunAsync(["serve", "--data", "nowhere", "--entity-memory-budget", "64"])).ExitCode.ShouldBe(2);
    }

    [Fact]
    public async Task A_known_at_without_a_zone_is_wrong_usage()
    {
        CommandRun run = await CommandRun.RunAsync(["get", "--server", store.Grpc, "--service", "all", "--entity", "user=ada", "--known-at", "2018-04-01T10:00:04"]);
        run.ExitCode.ShouldBe(2);
        run.Error.ShouldContain("--known-at 2018-04-01T10:00:04: expected an RFC 3339 time with its zone");
    }
}

/// <summary>A store with a strict view and an open one, to which an event came in time, one late, and one with a word that is not taken.</summary>
public sealed class LateStoreFixture : IAsyncLifetime
{
    private const string Definitions = """
        apiVersion: orleansfeatures/v1
        streams:
          - {name: clicks, version: 1, event_id: id, event_time: at, fields: {id: int64, at: timestamp, user: string, op: string}}
        entities:
          - {name: user, key: [user]}
        feature_views:
          - {name: strict, entity: user, stream: clicks, allowed_lateness: 1m, features: [{name: n, aggregate: count, window: 1d}]}
          - {name: open, entity: user, stream: clicks, features: [{name: ops, aggregate: count, by: op, window: 1d}]}
        feature_services:
          - {name: all, features: ["strict:*", "open:*"]}
        """;

    private readonly TempDirectory _directory = new();
    private StoreProcess? _store;

    public string Grpc => _store!.Grpc;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_directory.File("definitions"));
        _directory.Write(Path.Combine("definitions", "clicks.yaml"), Definitions);
        _store = await StoreProcess.StartAsync(_directory.File("data"), _directory.File("definitions"), "0", "--backfill-producer", "history", "--memory-budget", "1GB", "--entity-memory-budget", "16MB");
        string file = _directory.Write("events.csv", """
            id,at,user,op,seen,who
            1,2018-04-01T10:00:00Z,ada,buy,2018-04-01T10:00:05Z,history
            2,2018-04-01T09:00:00Z,ada,sell,2018-04-01T11:00:00Z,history
            3,2018-04-01T10:00:01Z,ada,buy,2018-04-01T10:00:05Z,till

            """);
        JsonElement pushed = await RunAsync(1, "push", "--stream", "clicks", "--file", file, "--map", "arrival_time=seen", "--producer-field", "who");
        (pushed.GetProperty("accepted").GetInt32(), pushed.GetProperty("late").GetInt32(), pushed.GetProperty("quarantined").GetInt32()).ShouldBe((1, 1, 1));
        pushed.GetProperty("refusals")[0].GetProperty("reason").GetString().ShouldBe("producer 'till' has no right to state when events arrived");
    }

    public async Task<JsonElement> RunAsync(int exitCode, string command, params string[] arguments)
    {
        CommandRun run = await CommandRun.RunAsync([command, "--server", _store!.Grpc, "--output", "json", .. arguments]);
        run.ExitCode.ShouldBe(exitCode, run.Error);
        using JsonDocument document = JsonDocument.Parse(run.Out);
        return document.RootElement.Clone();
    }

    public async ValueTask DisposeAsync()
    {
        await (_store?.DisposeAsync() ?? ValueTask.CompletedTask);
        _directory.Dispose();
    }
}
