using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Rest;

/// <summary>The forms that answers and requests take, and what pages and caches are told.</summary>
public sealed class RestFormTests
{
    private const string Pinned = "/features/v1/user/ada?as_of=2018-04-01T00:01:00Z";

    [Fact]
    public async Task An_answer_that_is_pinned_in_time_has_a_tag_until_the_entity_changes()
    {
        await using RunningStore store = await StoreAsync();
        string tag = await TagAsync(store, Pinned);
        tag.ShouldStartWith("W/\"");
        (await SendAsync(store, HttpMethod.Get, Pinned, ("If-None-Match", $"\"other\", {tag}"))).Status.ShouldBe(HttpStatusCode.NotModified);
        (await SendAsync(store, HttpMethod.Get, Pinned, ("If-None-Match", "\"other\""))).Status.ShouldBe(HttpStatusCode.OK);
        (await TagAsync(store, Pinned + "&known_at=2099-01-01T00:00:00Z")).ShouldNotBe(tag);

        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(7, 200, "bob")), cancellationToken: RunningStore.Cancelled);
        (await TagAsync(store, Pinned)).ShouldBe(tag, "another entity's event, behind the instant, changes nothing");
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(8, 2)), cancellationToken: RunningStore.Cancelled);
        await UntilAsync(store, 3);
        (await TagAsync(store, Pinned)).ShouldNotBe(tag, "a late event of the entity");
    }

    [Fact]
    public async Task A_change_of_definitions_and_a_stream_that_moves_on_change_the_tag()
    {
        await using RunningStore store = await StoreAsync();
        string pinned = await TagAsync(store, Pinned);
        string streaming = await TagAsync(store, "/features/v1/user/ada?as_of=stream");
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(9, 4_000)), cancellationToken: RunningStore.Cancelled);
        await UntilAsync(store, 3, "stream");
        (await TagAsync(store, "/features/v1/user/ada?as_of=stream")).ShouldNotBe(streaming);
        string before = await TagAsync(store, Pinned);
        before.ShouldNotBe(pinned, "its state has moved on");
        await store.RestartAsync();
        (await TagAsync(store, Pinned)).ShouldBe(before, "a restart changes nothing");
        const string Counts = """      - {name: counts, aggregate: "last_n(count, 2)", window: 1d}""";
        Definitions.Everything.ShouldContain(Counts);
        store.WriteDefinitions(Definitions.Everything.Replace(Counts, $"{Counts}\n      - {{name: more, aggregate: count, window: 2d}}", StringComparison.Ordinal));
        await store.RestartAsync(withDefinitions: true);
        (await TagAsync(store, Pinned)).ShouldNotBe(before, "there is another feature");
    }

    [Fact]
    public async Task An_answer_that_definitions_overtake_has_the_tag_of_those_it_was_read_by()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        ConsistencyToken token = (await new IngestService.IngestServiceClient(store.Channel).PushAsync(Clicks.Rows(Clicks.Row(1, 1)), cancellationToken: RunningStore.Cancelled)).Token;
        await new FeatureService.FeatureServiceClient(store.Channel).GetFeaturesAsync(Clicks.Ask("ada", 60, token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        (string Tag, string Text) before = await AskAsync();
        const string Delayed = "{name: n, aggregate: count, window: 1d, delay: 1h}";
        var next = DefinitionReader.Read([new DefinitionSource("everything.yaml", Definitions.Everything.Replace("{name: n, aggregate: count, window: 1d}", Delayed, StringComparison.Ordinal))]);
        store.Host.AfterNextRead = async () => await store.Host.ChangeCatalogAsync(next.Catalog!, () => { }, RunningStore.Cancelled);
        (await AskAsync()).ShouldBe(before, "it is the same answer, of the same definitions");
        store.Host.AfterNextRead.ShouldBeNull();
        (string Tag, string Text) after = await AskAsync();
        after.Text.ShouldNotBe(before.Text, "an hour ago there was no event");
        after.Tag.ShouldNotBe(before.Tag);

        async Task<(string Tag, string Text)> AskAsync()
        {
            using HttpResponseMessage response = await store.Http.GetAsync(Pinned, RunningStore.Cancelled);
            return (response.Headers.ETag!.ToString(), await response.Content.ReadAsStringAsync(RunningStore.Cancelled));
        }
    }

    [Fact]
    public async Task Values_as_of_now_move_with_the_clock_and_have_no_tag()
    {
        await using RunningStore store = await StoreAsync();
        Answer now = await SendAsync(store, HttpMethod.Get, "/features/v1/user/ada", ("If-None-Match", "*"));
        (now.Status, now.Header("ETag"), now.Header("Cache-Control")).ShouldBe((HttpStatusCode.OK, "", "no-store"));
    }

    [Fact]
    public async Task Many_rows_come_as_lines_where_lines_are_accepted()
    {
        await using RunningStore store = await StoreAsync();
        const string question = """{"entities":[{"user":"ada"},{"user":"bob"}],"as_of":"stream"}""";
        Answer lines = await SendAsync(store, HttpMethod.Post, "/features/v1/user_only:get", question, ("Accept", "application/json;q=0.5, application/x-ndjson"));
        lines.Header("Content-Type").ShouldBe("application/x-ndjson");
        string[] rows = lines.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        rows.Select(row => JsonDocument.Parse(row).RootElement.GetProperty("keys").GetProperty("user").GetString()).ShouldBe(["ada", "bob"]);
        (await SendAsync(store, HttpMethod.Post, "/features/v1/user_only:get", question, ("Accept", "application/*"))).Header("Content-Type").ShouldBe("application/json");
    }

    [Theory]
    [InlineData("GET", Pinned, "", "Accept", "text/html", 406, "accept application/json")]
    [InlineData("GET", Pinned, "", "Accept", "application/json;q=0", 406, "accept application/json")]
    [InlineData("POST", "/features/v1/user_only:get", "{}", "Accept", "text/csv", 406, "accept application/json or application/x-ndjson")]
    [InlineData("POST", "/events/v1/clicks", "<xml/>", "Content-Type", "application/xml", 415, "send JSON as application/json")]
    [InlineData("POST", "/events/v1/clicks", "{}", "Content-Type", "application/json; charset=latin1", 415, "send UTF-8")]
    [InlineData("POST", "/events/v1/clicks", "{}", "Content-Encoding", "gzip", 415, "without an encoding")]
    [InlineData("POST", "/events/v1/clicks", "{}", "Origin", "https://evil.example", 403, "--cors-origin https://evil.example")]
    [InlineData("DELETE", Pinned, "", "", "", 405, "it takes GET")]
    [InlineData("GET", "/events/v1/clicks", "", "", "", 405, "it takes POST")]
    [InlineData("GET", "/feature/v1/user/ada", "", "", "", 404, "GET /openapi lists every path")]
    [InlineData("GET", "/", "", "", "", 404, "GET /openapi lists every path")]
    public async Task What_cannot_be_answered_is_a_problem_with_its_fix(string method, string path, string body, string header, string value, int status, string detail)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        Answer answer = await SendAsync(store, new HttpMethod(method), path, body, (header, value));
        ((int)answer.Status, answer.Header("Content-Type")).ShouldBe((status, "application/problem+json"), answer.Text);
        using JsonDocument problem = JsonDocument.Parse(answer.Text);
        problem.RootElement.GetProperty("status").GetInt32().ShouldBe(status);
        problem.RootElement.GetProperty("detail").GetString()!.ShouldContain(detail);
    }

    [Theory]
    [InlineData("")]
    [InlineData("application/json")]
    [InlineData("application/json; charset=UTF-8")]
    [InlineData("application/cloudevents+json")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("text/plain; charset=utf-8")]
    public async Task Json_is_read_under_every_name_that_clients_give_it(string type)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        (await SendAsync(store, HttpMethod.Post, "/features/v1/user_only:get", """{"entities":[{"user":"ada"}]}""", ("Content-Type", type))).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_large_answer_is_compressed_for_whoever_asks()
    {
        await using RunningStore store = await StoreAsync();
        string question = $$"""{"entities":[{{string.Join(',', Enumerable.Range(0, 100).Select(_ => """{"user":"ada"}"""))}}],"as_of":"stream"}""";
        Answer plain = await SendAsync(store, HttpMethod.Post, "/features/v1/user_only:get", question);
        Answer gzip = await SendAsync(store, HttpMethod.Post, "/features/v1/user_only:get", question, ("Accept-Encoding", "br, gzip;q=0.5"));
        (plain.Header("Content-Encoding"), gzip.Header("Content-Encoding"), gzip.Header("Vary")).ShouldBe(("", "gzip", "Accept-Encoding"));
        gzip.Bytes.Length.ShouldBeLessThan(plain.Bytes.Length / 5);
        using var unpacked = new StreamReader(new GZipStream(new MemoryStream(gzip.Bytes), CompressionMode.Decompress));
        (await unpacked.ReadToEndAsync(RunningStore.Cancelled)).ShouldBe(plain.Text);
        (await SendAsync(store, HttpMethod.Get, "/features/v1/shop/1?as_of=stream", ("Accept-Encoding", "gzip"))).Header("Content-Encoding").ShouldBe("", "it is small");
        (await SendAsync(store, HttpMethod.Post, "/features/v1/user_only:get", question, ("Accept-Encoding", "gzip;q=0, *"))).Header("Content-Encoding").ShouldBe("");
    }

    [Fact]
    public async Task Without_an_origin_to_trust_no_page_is_told_anything()
    {
        await using RunningStore store = await StoreAsync();
        Answer read = await SendAsync(store, HttpMethod.Get, Pinned, ("Origin", "https://console.example.com"));
        (read.Status, read.Header("Access-Control-Allow-Origin")).ShouldBe((HttpStatusCode.OK, ""), "the browser keeps it from the page");
        Answer asked = await SendAsync(store, HttpMethod.Options, "/events/v1/clicks", ("Origin", "https://console.example.com"), ("Access-Control-Request-Method", "POST"));
        (asked.Status, asked.Header("Access-Control-Allow-Origin")).ShouldBe((HttpStatusCode.Forbidden, ""));
        (await SendAsync(store, HttpMethod.Post, "/features/v1/user_only:get", """{"entities":[{"user":"ada"}]}""", ("Origin", store.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)))).Status.ShouldBe(HttpStatusCode.OK, "its own pages are its own");
    }

    [Fact]
    public async Task A_trusted_origin_may_read_push_and_see_the_tag_and_others_may_not()
    {
        await using RunningStore store = await RunningStore.StartForPagesAsync("https://console.example.com");
        Answer asked = await SendAsync(store, HttpMethod.Options, "/events/v1/clicks", ("Origin", "https://console.example.com"), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type"));
        (asked.Status, asked.Header("Access-Control-Allow-Origin"), asked.Header("Access-Control-Allow-Methods")).ShouldBe((HttpStatusCode.NoContent, "https://console.example.com", "GET, POST"));
        Answer read = await SendAsync(store, HttpMethod.Get, Pinned, ("Origin", "https://console.example.com"));
        (read.Header("Access-Control-Allow-Origin"), read.Header("Access-Control-Expose-Headers"), read.Header("Vary")).ShouldBe(("https://console.example.com", "ETag, Retry-After", "Origin"));
        (await SendAsync(store, HttpMethod.Post, "/events/v1/clicks", "{}", ("Origin", "https://console.example.com.evil.example"))).Status.ShouldBe(HttpStatusCode.Forbidden);
        (await SendAsync(store, HttpMethod.Post, "/events/v1/clicks", "{}", ("Origin", "null"))).Status.ShouldBe(HttpStatusCode.Forbidden);
    }

    private static async Task<RunningStore> StoreAsync()
    {
        RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1), Clicks.Row(2, 61, "bob"), Clicks.Row(3, 3)), cancellationToken: RunningStore.Cancelled);
        await UntilAsync(store, 2);
        return store;
    }

    /// <summary>Waits until reads see so many events of ada.</summary>
    private static async Task UntilAsync(RunningStore store, long events, string asOf = "2018-04-01T00:01:00Z")
    {
        while (JsonDocument.Parse(await store.Http.GetStringAsync($"/features/v1/user/ada?as_of={asOf}", RunningStore.Cancelled)).RootElement.GetProperty("features").GetProperty("user_stats:n").GetInt64() < events)
        {
            RunningStore.Cancelled.ThrowIfCancellationRequested();
        }
    }

    private static async Task<string> TagAsync(RunningStore store, string path) => (await SendAsync(store, HttpMethod.Get, path)).Header("ETag");

    private static Task<Answer> SendAsync(RunningStore store, HttpMethod method, string path, params (string Name, string Value)[] headers) => SendAsync(store, method, path, "", headers);

    private static async Task<Answer> SendAsync(RunningStore store, HttpMethod method, string path, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body.Length == 0 ? null : new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        foreach ((string name, string value) in headers.Where(header => header is { Name.Length: > 0, Value.Length: > 0 }))
        {
            (name.StartsWith("Content-", StringComparison.Ordinal) ? request.Content!.Headers.TryAddWithoutValidation(name, value) : request.Headers.TryAddWithoutValidation(name, value)).ShouldBeTrue();
        }

        using HttpResponseMessage response = await store.Http.SendAsync(request, RunningStore.Cancelled);
        return new Answer(
            response.StatusCode, await response.Content.ReadAsByteArrayAsync(RunningStore.Cancelled),
            response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    private sealed record Answer(HttpStatusCode Status, byte[] Bytes, Dictionary<string, string> Headers)
    {
        public string Text => Encoding.UTF8.GetString(Bytes);

        public string Header(string name) => Headers.GetValueOrDefault(name, "");
    }
}
