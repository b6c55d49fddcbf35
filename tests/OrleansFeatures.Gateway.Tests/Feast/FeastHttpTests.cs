using System.Net;
using System.Text.Json;
using OrleansFeatures.Gateway.Tests.Serving;
using static OrleansFeatures.Gateway.Tests.Feast.FeastCalls;

namespace OrleansFeatures.Gateway.Tests.Feast;

/// <summary>The paths of Feast's feature server, with the bodies that its own tests, its documentation and its SDK send.</summary>
public sealed class FeastHttpTests
{
    [Fact]
    public async Task What_Feast_pushes_it_reads_back_at_once_in_Feasts_form()
    {
        await using RunningStore store = await StartAsync();
        for (int push = 0; push < 20; push++)
        {
            double latitude = 55.1 + push;
            await PostAsync(store, "/push", Drivers.PushLocation(latitude: latitude));
            JsonElement answer = await PostAsync(store, "/get-online-features", Drivers.GetLocations);
            NamesOf(answer).ShouldBe(["driver_id", "driver_lat", "driver_long"]);
            VectorOf(answer, "driver_lat").GetProperty("values")[0].GetDouble().ShouldBe(latitude, 0.0001, $"push {push} was not read back");
            ValuesOf(answer, "driver_long").ShouldBe("""["42.0"]""");
            ValuesOf(answer, "driver_id").ShouldBe("[123]");
            answer.GetProperty("results").EnumerateArray().ShouldAllBe(vector => vector.GetProperty("statuses").GetRawText() == """["PRESENT"]""");
        }
    }

    [Fact]
    public async Task The_documentations_examples_work_as_they_stand()
    {
        await using RunningStore store = await StartAsync();
        JsonElement pushed = await PostAsync(store, "/push", Drivers.PushStats);
        pushed.GetProperty("accepted").GetInt64().ShouldBe(1);
        JsonElement answer = await PostAsync(store, "/get-online-features", Drivers.GetStats);
        NamesOf(answer).ShouldBe(["driver_id", "conv_rate", "acc_rate", "avg_daily_trips"]);
        ValuesOf(answer, "driver_id").ShouldBe("[1001,1002,1003]");
        ValuesOf(answer, "conv_rate").ShouldBe("[1,null,null]");
        ValuesOf(answer, "avg_daily_trips").ShouldBe("[1000,null,null]");
        StatusesOf(answer, "conv_rate").ShouldBe(["PRESENT", "NOT_FOUND", "NOT_FOUND"]);
        VectorOf(answer, "conv_rate").GetProperty("event_timestamps").GetRawText().ShouldBe("""["2022-05-13T10:59:42Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]""");
        VectorOf(answer, "driver_id").GetProperty("event_timestamps").GetRawText().ShouldBe("""["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]""");
    }

    [Fact]
    public async Task The_remote_online_store_finds_its_features_by_name_and_row()
    {
        await using RunningStore store = await StartAsync();
        await PostAsync(store, "/push", Drivers.PushStats);
        JsonElement answer = await PostAsync(store, "/get-online-features", Drivers.RemoteGet);
        StatusesOf(answer, "conv_rate").ShouldBe(["PRESENT", "NOT_FOUND"]);

        // The SDK takes the row's time from the second vector.
        answer.GetProperty("results")[1].GetProperty("event_timestamps")[0].GetString().ShouldBe("2022-05-13T10:59:42Z");
    }

    [Fact]
    public async Task Full_names_and_versions_stand_in_the_answer_where_they_were_asked_for()
    {
        await using RunningStore store = await StartAsync();
        JsonElement service = await PostAsync(store, "/get-online-features", Drivers.RemoteService);
        NamesOf(service).ShouldBe(["driver_id", "driver_hourly_stats__conv_rate", "driver_hourly_stats__acc_rate", "driver_hourly_stats__avg_daily_trips"]);
        service.GetProperty("metadata").GetProperty("feature_view_metadata").GetRawText().ShouldBe("""[{"name":"driver_hourly_stats","version":2}]""");

        await PostAsync(store, "/push", Drivers.PushStats);
        await PostAsync(store, "/push", Drivers.PushStats.Replace("10:59:42+00:00", "11:59:42+00:00", StringComparison.Ordinal).Replace("[1.0]", "[0.5]", StringComparison.Ordinal));
        const string Versions = """
            {"features": ["driver_hourly_stats@v1:conv_rate", "driver_hourly_stats@V2:conv_rate", "driver_hourly_stats@latest:acc_rate"], "entities": {"driver_id": [1001]}, "full_feature_names": true}
            """;
        JsonElement versions = await PostAsync(store, "/get-online-features", Versions);
        NamesOf(versions).ShouldBe(["driver_id", "driver_hourly_stats@v1__conv_rate", "driver_hourly_stats@v2__conv_rate", "driver_hourly_stats__acc_rate"]);
        ValuesOf(versions, "driver_hourly_stats@v1__conv_rate").ShouldBe("[1]");
        ValuesOf(versions, "driver_hourly_stats@v2__conv_rate").ShouldBe("[0.5]");

        JsonElement both = await PostAsync(store, "/get-online-features", """{"feature_service": "both_versions", "entities": {"driver_id": [1001]}, "full_feature_names": true}""");
        NamesOf(both).ShouldBe(["driver_id", "driver_hourly_stats@v1__conv_rate", "driver_hourly_stats__conv_rate"]);
    }

    [Theory]
    [InlineData("""{"features": {"val": ["driver_hourly_stats:pushes"]}, "entities": {"driver_id": {"val": [1001]}}}""", "driver_id")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": {"driver_id": ["1001"]}, "no_such_property": 1}""", "driver_id")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": {"driver_id": [1001.0], "unknown_column": ["x"]}, "feature_service": null}""", "driver_id")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": {"driver": [1001]}}""", "driver_id")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": {"driver": [7], "driver_id": [1001]}}""", "driver_id", true)]
    public async Task Forms_that_Feast_takes_are_taken(string body, string key, bool twice = false)
    {
        await using RunningStore store = await StartAsync();
        await PostAsync(store, "/push", Drivers.PushStats);
        JsonElement answer = await PostAsync(store, "/get-online-features", body);
        NamesOf(answer).ShouldBe([key, "pushes"]);
        ValuesOf(answer, key).ShouldBe(twice ? "[7]" : "[1001]");
        ValuesOf(answer, "pushes").ShouldBe(twice ? "[0]" : "[1]");
    }

    [Fact]
    public async Task Every_kind_of_value_has_Feasts_plain_JSON()
    {
        await using RunningStore store = await StartAsync();
        string now = Drivers.Now;
        await PostAsync(store, "/push", $$"""
            {"push_source_name": "driver_stats_push_source", "df": {"driver_id": [5, 5], "event_timestamp": ["{{now}}", "{{now}}"], "conv_rate": [0.25, 4], "avg_daily_trips": [9007199254740993, 2],
             "active": [true, "False"], "label": ["a", "b"], "since": ["2022-05-13T10:59:42.999999", null]} }
            """);
        JsonElement answer = await PostAsync(store, "/get-online-features", """
            {"features": ["driver_hourly_stats:rates", "driver_hourly_stats:trips", "driver_hourly_stats:actives", "driver_hourly_stats:labels", "driver_hourly_stats:times", "driver_hourly_stats:by_label",
                          "driver_hourly_stats:by_trips", "driver_hourly_stats:since"], "entities": {"driver_id": [5, 6]}}
            """);
        Sorted(answer, "rates").ShouldBe(["0.25", "4"]);
        Sorted(answer, "trips").ShouldBe(["2", "9007199254740993"]);
        Sorted(answer, "actives").ShouldBe(["false", "true"]);
        Sorted(answer, "labels").ShouldBe(["\"a\"", "\"b\""]);
        ValuesOf(answer, "times").ShouldBe("[[1652439582],null]");
        ValuesOf(answer, "since").ShouldBe("[1652439582,null]");
        ValuesOf(answer, "by_label").ShouldBe("""[{"a":0.25,"b":4},null]""");
        ValuesOf(answer, "by_trips").ShouldBe("""[{"2":1,"9007199254740993":1},null]""");
    }

    /// <summary>Feast's Python server has no place of its own for request data: it stands among the entities.</summary>
    [Fact]
    public async Task Request_data_among_the_entities_is_context_and_not_answered()
    {
        await using RunningStore store = await StartAsync();
        await PostAsync(store, "/push", Drivers.PushStats);
        JsonElement answer = await PostAsync(store, "/get-online-features", """{"features": ["conv_rate_plus_val", "driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001, 1002], "val_to_add": [1000, 2000.5]}}""");
        NamesOf(answer).ShouldBe(["driver_id", "conv_rate_plus_val", "conv_rate"]);
        ValuesOf(answer, "conv_rate_plus_val").ShouldBe("[1001,null]");
        JsonElement own = await PostAsync(store, "/get-online-features", """{"features": ["conv_rate_plus_val"], "entities": {"driver_id": [1001]}, "request_context": {"val_to_add": [1]}}""");
        ValuesOf(own, "conv_rate_plus_val").ShouldBe("[2]");
    }

    [Fact]
    public async Task Health_is_an_empty_answer_that_follows_readiness()
    {
        await using RunningStore store = await StartAsync();
        using HttpResponseMessage healthy = await store.Http.GetAsync("/health", RunningStore.Cancelled);
        healthy.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await healthy.Content.ReadAsByteArrayAsync(RunningStore.Cancelled)).ShouldBeEmpty();

        await using TroubledStore leaving = await TroubledStore.StartAsync();
        leaving.BeginStop();
        using HttpResponseMessage ill = await leaving.Http.GetAsync("/health", RunningStore.Cancelled);
        ill.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
    }

    private static string[] Sorted(JsonElement answer, string name) =>
        [.. VectorOf(answer, name).GetProperty("values")[0].EnumerateArray().Select(element => element.GetRawText()).Order(StringComparer.Ordinal)];
}
