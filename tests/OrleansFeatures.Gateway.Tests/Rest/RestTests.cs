using System.Net;
using System.Text;
using System.Text.Json;
using OrleansFeatures.Gateway.Tests.Serve;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Rest;

public sealed class RestTests
{
    [Fact]
    public async Task Rest_answers_the_same_question_with_the_same_values_as_grpc()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = await GetFeaturesTests.PushFullRowsAsync(store);
        GetFeaturesRequest request = Clicks.Ask("ada", 100, token, "user_stats:*");
        GetFeaturesResponse grpc = await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        JsonElement rest = await GetAsync(store, "/features/v1/user/ada?as_of=2018-04-01T00:01:40Z");
        JsonElement features = rest.GetProperty("features");
        features.EnumerateObject().Select(feature => feature.Name).ShouldBe(grpc.Columns.Select(column => column.Name));
        features.GetProperty("user_stats:n").GetInt64().ShouldBe(grpc.Rows.Int64S[0]);
        features.GetProperty("user_stats:total").GetDouble().ShouldBe(grpc.Rows.Doubles[0]);
        features.GetProperty("user_stats:top").GetRawText().ShouldBe("9007199254740993");
        features.GetProperty("user_stats:ok").GetBoolean().ShouldBeTrue();
        features.GetProperty("user_stats:seen").GetString().ShouldBe("2018-04-01T00:00:00.000007Z");
        features.GetProperty("user_stats:notes").GetRawText().ShouldBe("""["zwei","one"]""");
        features.GetProperty("user_stats:counts").GetRawText().ShouldBe("[9007199254740993,5]");
        rest.GetProperty("statuses").EnumerateObject().ShouldBeEmpty();
        JsonElement state = rest.GetProperty("states")[0];
        state.GetProperty("state_version").GetUInt64().ShouldBe(grpc.States[0].StateVersion);
        state.GetProperty("complete_through").GetString().ShouldBe("2018-04-01T00:00:20Z");
    }

    [Fact]
    public async Task A_feature_service_answers_many_rows_as_of_stream_time_and_names_missing_values()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await GetFeaturesTests.PushFullRowsAsync(store);
        JsonElement answer = await PostAsync(store, "/features/v1/all:get", """{"entities":[{"user":"ada","shop":1},{"shop":"2","user":"bob"}],"as_of":"stream"}""", HttpStatusCode.OK);
        answer.GetProperty("service").GetString().ShouldBe("all@1");
        JsonElement[] rows = [.. answer.GetProperty("rows").EnumerateArray()];
        rows[0].GetProperty("features").GetProperty("pair_stats:n").GetInt64().ShouldBe(2);
        rows[0].GetProperty("as_of").GetString().ShouldBe("2018-04-01T00:00:20Z");
        rows[1].GetProperty("keys").GetRawText().ShouldBe("""{"user":"bob","shop":2}""");
        rows[1].GetProperty("features").GetProperty("user_stats:mean").ValueKind.ShouldBe(JsonValueKind.Null);
        rows[1].GetProperty("statuses").GetProperty("user_stats:mean").GetString().ShouldBe("NOT_FOUND");
        rows[1].GetProperty("features").GetProperty("user_stats:n").GetInt64().ShouldBe(0);
    }

    [Fact]
    public async Task Known_at_is_echoed_where_it_was_asked_for()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        JsonElement one = await GetAsync(store, "/features/v1/user/ada?known_at=2099-01-01T00:00:00Z");
        one.GetProperty("known_at").GetString().ShouldBe("2099-01-01T00:00:00Z");
        JsonElement many = await PostAsync(store, "/features/v1/user_only:get", """{"entities":[{"user":"ada"},{"user":"bob"}],"known_at":["2099-01-01T00:00:00Z",null]}""", HttpStatusCode.OK);
        many.GetProperty("rows")[0].GetProperty("known_at").GetString().ShouldBe("2099-01-01T00:00:00Z");
        many.GetProperty("rows")[1].TryGetProperty("known_at", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task A_known_at_that_is_no_time_is_refused_with_its_place()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        JsonElement problem = await PostAsync(store, "/features/v1/user_only:get", """{"entities":[{"user":"ada"}],"known_at":[1522540800]}""", HttpStatusCode.BadRequest);
        problem.GetProperty("field").GetString().ShouldBe("known_at[0]");
    }

    [Fact]
    public async Task A_composite_key_is_written_with_commas()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await GetFeaturesTests.PushFullRowsAsync(store);
        JsonElement answer = await GetAsync(store, "/features/v1/pair/ada,1?as_of=stream");
        answer.GetProperty("features").GetProperty("pair_stats:n").GetInt64().ShouldBe(2);
    }

    [Theory]
    [InlineData("a/b", "/features/v1/user/a%2Fb", "user_stats:n")]
    [InlineData("a%2Fb", "/features/v1/user/a%252Fb", "user_stats:n")]
    [InlineData("50% off, 1+1 für ada?", "/features/v1/user/50%25%20off,%201+1%20f%C3%BCr%20ada%3F", "user_stats:n")]
    [InlineData("a,b", "/features/v1/pair/a%2Cb,1", "pair_stats:n")]
    public async Task A_key_of_any_characters_is_found_by_its_percent_encoding(string user, string path, string feature)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = (await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 0, user)), cancellationToken: RunningStore.Cancelled)).Token;
        await store.Features.GetFeaturesAsync(Clicks.Ask(user, 0, token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        JsonElement answer = await GetAsync(store, path + "?as_of=2018-04-01T00:00:00Z");
        Text(answer.GetProperty("keys"), "user").ShouldBe(user);
        answer.GetProperty("features").GetProperty(feature).GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task An_entity_without_a_key_is_read_by_its_name_alone()
    {
        await using RunningStore store = await RunningStore.StartAsync(Definitions.Keyless);
        PushRequest push = new() { Stream = "clicks", Rows = new RowEvents() };
        push.Rows.Rows.Add(Enumerable.Range(1, 2).Select(id => new EventRow { Values = { new Value { Int64 = id }, new Value { TimestampMicros = id } } }));
        ConsistencyToken token = (await store.Ingest.PushAsync(push, cancellationToken: RunningStore.Cancelled)).Token;
        var everyone = new FeatureSelection { Features = new FeatureList { Names = { "everyone_stats:n" } } };
        await store.Features.GetFeaturesAsync(new GetFeaturesRequest { What = everyone, MinToken = token }, cancellationToken: RunningStore.Cancelled);
        JsonElement answer = await GetAsync(store, "/features/v1/everyone?as_of=1970-01-01T00:00:01Z");
        answer.GetProperty("features").GetProperty("everyone_stats:n").GetInt64().ShouldBe(2);
    }

    [Theory]
    [InlineData("\\ud800")]
    [InlineData("\u00FF")]
    public async Task Text_that_is_no_unicode_is_one_bad_line_and_a_bad_request_never_a_bug(string broken)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        string line = $$"""{"id":1,"at":"2018-04-01T00:00:01Z","user":"{{broken}}","shop":1}""";
        string good = line.Replace(broken, "ada", StringComparison.Ordinal).Replace("\"id\":1", "\"id\":2", StringComparison.Ordinal);

        // Latin-1 makes of the second a byte that UTF-8 does not have.
        using var lines = new ByteArrayContent(Encoding.Latin1.GetBytes($"{good}\n{line}\n"));
        using HttpResponseMessage pushed = await store.Http.PostAsync("/events/v1/clicks", lines, RunningStore.Cancelled);
        pushed.StatusCode.ShouldBe(HttpStatusCode.OK);
        using JsonDocument answer = JsonDocument.Parse(await pushed.Content.ReadAsStringAsync(RunningStore.Cancelled));
        answer.RootElement.GetProperty("results").EnumerateArray().Select(result => Text(result, "result")).ShouldBe(["ACCEPTED", "QUARANTINED"]);

        using var question = new ByteArrayContent(Encoding.Latin1.GetBytes($$"""{"entities":[{"user":"{{broken}}"}]}"""));
        using HttpResponseMessage asked = await store.Http.PostAsync("/features/v1/user_only:get", question, RunningStore.Cancelled);
        asked.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData("""{"id":1,"at":"2018-04-01T00:00:01Z","user":"ada","shop":1,"amount":2}""", 0)]
    [InlineData("""[{"id":1,"at":"2018-04-01T00:00:01Z","user":"ada","shop":1,"amount":2}]""", 0)]
    [InlineData("{\"id\":\"1\",\"at\":\"2018-04-01T02:00:01+02:00\",\"user\":\"ada\",\"shop\":1.0,\"amount\":\"2\"}\n\n{\"id\":2}\n", 1)]
    public async Task An_object_an_array_and_lines_all_go_in(string body, int refused)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        JsonElement answer = await PostAsync(store, "/events/v1/clicks?producer=till-7", body, HttpStatusCode.OK);
        answer.GetProperty("accepted").GetInt32().ShouldBe(1);
        answer.GetProperty("quarantined").GetInt32().ShouldBe(refused);
        answer.GetProperty("results")[0].GetProperty("result").GetString().ShouldBe("ACCEPTED");
        string token = answer.GetProperty("token").GetRawText();
        JsonElement read = await PostAsync(store, "/features/v1/user_only:get", $$"""{"entities":[{"user":"ada"}],"as_of":"2018-04-01T00:00:01Z","min_token":{{token}}}""", HttpStatusCode.OK);
        read.GetProperty("rows")[0].GetProperty("features").GetRawText().ShouldBe("""{"user_stats:n":1,"user_stats:total":2}""");
    }

    [Theory]
    [InlineData("9007199254740991.0", "ACCEPTED")]
    [InlineData("9007199254740993", "ACCEPTED")]
    [InlineData("9007199254740993.0", "QUARANTINED")]
    public async Task A_whole_number_written_as_a_fraction_is_taken_only_where_no_other_reads_the_same(string id, string result)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        JsonElement answer = await PostAsync(store, "/events/v1/clicks", $$"""{"id":{{id}},"at":"2018-04-01T00:00:01Z","user":"ada","shop":1}""", HttpStatusCode.OK);
        Text(answer.GetProperty("results")[0], "result").ShouldBe(result);
    }

    [Fact]
    public async Task Each_bad_line_is_named_with_field_reason_and_fix()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        string good = """{"id":ID,"at":"2018-04-01T00:00:01Z","user":"ada","shop":1}""";
        string[] lines =
        [
            good.Replace("ID", "1"), "{\"id\":", good.Replace("ID", "2").Replace("shop", "shpo"), good.Replace("ID", "3").Replace("\"2018-04-01T00:00:01Z\"", "1522540801"),
            good.Replace("ID", "4").Replace("\"shop\":1", "\"shop\":[1]"), good.Replace("ID", "5").Replace("\"id\":5", "\"id\":5,\"id\":6"), "7", good.Replace("ID", "1"), good.Replace("ID", "1e400"),
        ];
        JsonElement answer = await PostAsync(store, "/events/v1/clicks", string.Join('\n', lines), HttpStatusCode.OK);
        JsonElement[] results = [.. answer.GetProperty("results").EnumerateArray()];
        results.Select(result => result.GetProperty("line").GetInt32()).ShouldBe(Enumerable.Range(1, 9));
        results.Select(result => result.GetProperty("result").GetString()).ShouldBe([
            "ACCEPTED", "QUARANTINED", "QUARANTINED", "QUARANTINED", "QUARANTINED", "QUARANTINED", "QUARANTINED", "DUPLICATE", "QUARANTINED"]);
        results[1].GetProperty("reason").GetString()!.ShouldStartWith("it is not JSON");
        (Text(results[2], "field"), Text(results[2], "fix")).ShouldBe(("shpo", "did you mean 'shop'?"));
        Text(results[3], "reason").ShouldBe("1522540801 is not a timestamp");
        Text(results[4], "reason").ShouldBe("[1] is not an int64");
        Text(results[6], "reason").ShouldBe("it is a JSON number");
        Text(results[8], "reason").ShouldBe("1e400 is not an int64");
    }

    [Fact]
    public async Task An_event_says_beside_its_fields_what_it_does_when_it_arrived_and_who_saw_it()
    {
        await using RunningStore store = await RunningStore.StartAsync(backfillProducers: "history");
        const string rest = "\"at\":\"2018-04-01T00:00:01Z\",\"user\":\"ada\",\"shop\":1}";
        string[] lines =
        [
            "{\"@op\":\"insert\",\"@producer\":\"history\",\"@arrival_time\":\"2018-04-01T01:00:00Z\",\"id\":1," + rest,
            "{\"@op\":null,\"@arrival_time\":null,\"id\":2," + rest,
            "{\"@arrival_time\":\"2018-04-01T01:00:00Z\",\"id\":3," + rest,
            "{\"@arrival_time\":1522540800,\"id\":4," + rest,
            "{\"@op\":\"remove\",\"id\":5," + rest,
            "{\"@producer\":7,\"id\":6," + rest,
            "{\"@ops\":\"insert\",\"id\":7," + rest,
        ];
        JsonElement answer = await PostAsync(store, "/events/v1/clicks?producer=till", string.Join('\n', lines), HttpStatusCode.OK);
        JsonElement[] results = [.. answer.GetProperty("results").EnumerateArray()];
        results.Select(result => Text(result, "result")).ShouldBe(["ACCEPTED", "ACCEPTED", "QUARANTINED", "QUARANTINED", "QUARANTINED", "QUARANTINED", "QUARANTINED"]);
        results.Skip(2).Select(result => Text(result, "field")).ShouldBe(["arrival_time", "@arrival_time", "@op", "@producer", "@ops"]);
        Text(results[2], "reason").ShouldBe("producer 'till' has no right to state when events arrived");
        Text(results[4], "reason").ShouldBe("there is no operation \"remove\"");
        Text(results[4], "fix").ShouldBe("use one of insert, upsert, delete");
        await WaitForEventsAsync(store, 2);
        JsonElement known = await GetAsync(store, "/features/v1/user/ada?as_of=2018-04-01T00:01:00Z&known_at=2018-04-01T01:00:00Z");
        known.GetProperty("features").GetProperty("user_stats:n").GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task Text_that_is_not_unicode_is_one_bad_line()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        byte[] good = """{"id":1,"at":"2018-04-01T00:00:01Z","user":"ad\u0061","shop":1}"""u8.ToArray();
        byte[] half = """{"id":2,"at":"2018-04-01T00:00:01Z","user":"\ud800","shop":1}"""u8.ToArray();
        byte[] name = """{"\udc00":2}"""u8.ToArray();
        byte[] latin = [.. "{\"id\":3,\"at\":\"2018-04-01T00:00:01Z\",\"user\":\""u8, 0xE9, .. "\",\"shop\":1}"u8];
        byte[] deep = [.. Enumerable.Repeat((byte)'[', 100_000)];
        using var content = new ByteArrayContent([.. good, 10, .. half, 10, .. name, 10, .. latin, 10, .. deep, 10]);
        using HttpResponseMessage response = await store.Http.PostAsync("/events/v1/clicks", content, RunningStore.Cancelled);
        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(RunningStore.Cancelled));
        JsonElement[] results = [.. answer.RootElement.GetProperty("results").EnumerateArray()];
        results.Select(result => Text(result, "result")).ShouldBe(["ACCEPTED", "QUARANTINED", "QUARANTINED", "QUARANTINED", "QUARANTINED"]);
        results.Skip(1).Take(3).Select(result => Text(result, "reason")).ShouldBe([
            "it is not JSON: a text holds half of a surrogate pair", "it is not JSON: a text holds half of a surrogate pair", "it is not JSON: it is not UTF-8"]);
        (await store.Admin.ListQuarantineAsync(new ListQuarantineRequest(), cancellationToken: RunningStore.Cancelled)).Total.ShouldBe(4ul);
    }

    [Theory]
    [InlineData("POST", "/events/v1/click", "{}", HttpStatusCode.NotFound, "stream", "stream: there is no stream 'click'; did you mean 'clicks'?")]
    [InlineData("POST", "/events/v1/clicks", "", HttpStatusCode.BadRequest, "body", "body: it is empty")]
    [InlineData("POST", "/events/v1/clicks", "<xml/>", HttpStatusCode.BadRequest, "body", "body: it is not JSON")]
    [InlineData("POST", "/events/v1/clicks", "[{},", HttpStatusCode.BadRequest, "body", "body: it is not JSON")]
    [InlineData("POST", "/events/v1/clicks?schema_version=x", "{}", HttpStatusCode.BadRequest, "schema_version", "schema_version: 'x' is not a version")]
    [InlineData("POST", "/events/v1/clicks?op=remove", "{}", HttpStatusCode.BadRequest, "op", "op: there is no operation 'remove'; use one of insert, upsert, delete")]
    [InlineData("POST", "/features/v1/al:get", "{}", HttpStatusCode.NotFound, "what.feature_service", "what.feature_service: there is no feature service 'al'")]
    [InlineData("POST", "/features/v1/all:get", "[]", HttpStatusCode.BadRequest, "body", "body: it is a JSON array")]
    [InlineData("POST", "/features/v1/all:get", "{\"entity\":[]}", HttpStatusCode.BadRequest, "entity", "entity: there is no such property")]
    [InlineData("POST", "/features/v1/all:get", "{\"entities\":[{\"user\":\"a\"}]}", HttpStatusCode.BadRequest, "entities[0].shop", "entities[0].shop: the key field is missing")]
    [InlineData("POST", "/features/v1/all:get", "{\"entities\":[{\"usr\":\"a\"}]}", HttpStatusCode.BadRequest, "entities[0].usr", "entities[0].usr: 'usr' is not a key field of all@1; did you mean 'user'?")]
    [InlineData("POST", "/features/v1/all:get", "{\"as_of\":\"yesterday\"}", HttpStatusCode.BadRequest, "as_of", "as_of: 'yesterday' is not a time")]
    [InlineData("POST", "/features/v1/all:get", "{\"min_token\":7}", HttpStatusCode.BadRequest, "min_token", "min_token: it is not a token")]
    [InlineData("POST", "/features/v1/all:get", "{\"max_wait_ms\":-1}", HttpStatusCode.BadRequest, "max_wait_ms", "max_wait_ms: -1 is not a number of milliseconds")]
    [InlineData("GET", "/features/v1/usr/ada", "", HttpStatusCode.NotFound, "entity", "entity: there is no entity 'usr'; did you mean 'user'?")]
    [InlineData("GET", "/features/v1/pair/ada", "", HttpStatusCode.BadRequest, "key", "key: 'ada' has 1 parts; give user,shop")]
    [InlineData("GET", "/features/v1/shop/x", "", HttpStatusCode.BadRequest, "keys.shop", "keys.shop: row 0: 'x' is not an int64")]
    [InlineData("GET", "/features/v1/user/ada?as_of=2018-04-01T00:00:00", "", HttpStatusCode.BadRequest, "as_of", "as_of: '2018-04-01T00:00:00' is not a time")]
    public async Task Errors_are_problem_details_that_name_the_place_and_the_fix(string method, string path, string body, HttpStatusCode status, string field, string detail)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = method == "POST" ? new StringContent(body) : null };
        using HttpResponseMessage response = await store.Http.SendAsync(request, RunningStore.Cancelled);
        response.StatusCode.ShouldBe(status);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        using JsonDocument problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(RunningStore.Cancelled));
        (problem.RootElement.GetProperty("status").GetInt32(), Text(problem.RootElement, "field")).ShouldBe(((int)status, field));
        Text(problem.RootElement, "detail")!.ShouldStartWith(detail);
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused_and_the_server_stays_up()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/events/v1/clicks") { Content = new ByteArrayContent(new byte[Limits.MessageBytesMax + 1]) };

        // The client waits for leave before it sends the body; else it might still be writing when the server has answered and closed.
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage response = await store.Http.SendAsync(request, RunningStore.Cancelled);
        response.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        (await store.Http.GetStringAsync("/readyz", RunningStore.Cancelled)).ShouldBe("ready\n");
    }

    [Fact]
    public async Task A_running_server_is_healthy_and_ready()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        (await store.Http.GetStringAsync("/healthz", RunningStore.Cancelled)).ShouldBe("ok\n");
        (await store.Http.GetStringAsync("/readyz", RunningStore.Cancelled)).ShouldBe("ready\n");
    }

    /// <summary>Reads by entity over REST carry no token, so they wait for the count of everything known.</summary>
    private static async Task WaitForEventsAsync(RunningStore store, long events)
    {
        while ((await GetAsync(store, "/features/v1/user/ada?as_of=2018-04-01T00:01:00Z")).GetProperty("features").GetProperty("user_stats:n").GetInt64() < events)
        {
            RunningStore.Cancelled.ThrowIfCancellationRequested();
        }
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private static async Task<JsonElement> GetAsync(RunningStore store, string path)
    {
        using JsonDocument document = JsonDocument.Parse(await store.Http.GetStringAsync(path, RunningStore.Cancelled));
        return document.RootElement.Clone();
    }

    private static async Task<JsonElement> PostAsync(RunningStore store, string path, string body, HttpStatusCode expected)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await store.Http.PostAsync(path, content, RunningStore.Cancelled);
        string text = await response.Content.ReadAsStringAsync(RunningStore.Cancelled);
        response.StatusCode.ShouldBe(expected, text);
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
