using System.Net;
using System.Text.Json;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using static OrleansFeatures.Gateway.Tests.Feast.FeastCalls;

namespace OrleansFeatures.Gateway.Tests.Feast;

/// <summary>Feast's pushes as events: ids that Feast does not have, times as it writes them, rows that are refused.</summary>
public sealed class FeastPushTests
{
    [Fact]
    public async Task A_row_pushed_twice_is_one_event_whatever_the_order_of_its_columns()
    {
        await using RunningStore store = await StartAsync();
        string time = Drivers.Now;
        (await PostAsync(store, "/push", Drivers.PushLocation(time: time))).GetProperty("accepted").GetInt64().ShouldBe(1);
        string reordered = $$"""{"push_source_name": "driver_locations_push", "df": {"event_timestamp": ["{{time}}"], "driver_id": [123], "driver_long": ["42.0"], "driver_lat": ["42"]} }""";
        (await PostAsync(store, "/push", reordered)).GetProperty("duplicates").GetInt64().ShouldBe(1);
        (await PostAsync(store, "/push", Drivers.PushLocation(latitude: 43, time: time))).GetProperty("accepted").GetInt64().ShouldBe(1);
        JsonElement answer = await PostAsync(store, "/get-online-features", """{"features": ["pushed_driver_locations:pushes"], "entities": {"driver_id": [123]}}""");
        ValuesOf(answer, "pushes").ShouldBe("[2]");
    }

    [Theory]
    [InlineData("2022-05-13 10:59:42+00:00", "2022-05-13T10:59:42Z")]
    [InlineData("2022-05-13 10:59:42", "2022-05-13T10:59:42Z")]
    [InlineData("2022-05-13T10:59:42.123456", "2022-05-13T10:59:42.123456Z")]
    [InlineData("2022-05-13T12:59:42+02:00", "2022-05-13T10:59:42Z")]
    public async Task Times_are_read_as_Feast_writes_them(string written, string read)
    {
        await using RunningStore store = await StartAsync();
        await PostAsync(store, "/push", Drivers.PushLocation(time: written));
        JsonElement answer = await PostAsync(store, "/get-online-features", Drivers.GetLocations);
        VectorOf(answer, "driver_lat").GetProperty("event_timestamps")[0].GetString().ShouldBe(read);
    }

    [Fact]
    public async Task A_refused_row_fails_the_push_names_the_cell_and_harms_no_neighbour()
    {
        await using RunningStore store = await StartAsync();
        string body = $$"""
            {"push_source_name": "driver_locations_push", "df": {"driver_lat": [1.5, "north", 2.5], "driver_id": [123, 123, 123], "event_timestamp": ["{{Drivers.Now}}", "{{Drivers.Now}}", "{{Drivers.Now}}"]} }
            """;
        (string failure, string message) = await FailAsync(store, "/push", body, HttpStatusCode.BadRequest);
        failure.ShouldBe("FeastError");
        message.ShouldBe("df[1].driver_lat: 'north' is not a double (1 of 3 rows were refused, the others are in the store); send a number");
        JsonElement answer = await PostAsync(store, "/get-online-features", """{"features": ["pushed_driver_locations:pushes"], "entities": {"driver_id": [123]}}""");
        ValuesOf(answer, "pushes").ShouldBe("[2]");
        ListQuarantineResponse kept = await store.Admin.ListQuarantineAsync(new ListQuarantineRequest(), cancellationToken: RunningStore.Cancelled);
        kept.Events.ShouldHaveSingleItem().EventJson.ShouldContain("\"driver_lat\":\"north\"");
    }

    [Theory]
    [InlineData("""{"push_source_name": "driver_location_push", "df": {"driver_id": [1]}}""", "PushSourceNotFoundException", "push_source_name: Unable to find push source 'driver_location_push': there is no stream of that name; did you mean 'driver_locations_push'?", HttpStatusCode.NotFound)]
    [InlineData("""{"push_source_name": "driver_locations_push", "df": {"driver_latt": [1], "event_timestamp": ["2022-05-13 10:59:42"]}}""", "FeastError", "df.driver_latt: stream 'driver_locations_push' has no field 'driver_latt'; did you mean 'driver_lat'?")]
    [InlineData("""{"push_source_name": "driver_locations_push", "df": {"driver_id": [1, 2], "driver_lat": [1.5]}}""", "FeastError", "df.driver_lat: 1 values where another column has 2; give every column one value per row")]
    [InlineData("""{"push_source_name": "driver_locations_push", "df": {"driver_id": {"0": 1}}}""", "FeastError", "df.driver_id: it is an object; send the column as a list, as df.to_dict('list') makes it")]
    [InlineData("""{"push_source_name": "driver_locations_push", "df": [1]}""", "FeastError", "df: it is missing, or no object; send an object of columns, as df.to_dict('list') makes it")]
    [InlineData("""{"push_source_name": "driver_locations_push", "df": {"driver_id": [[1]]}}""", "FeastError", "df.driver_id[0]: a array cannot be a value here; send text, a number, true, false or null")]
    [InlineData("""{"push_source_name": "driver_locations_push", "to": "offline", "df": {"driver_id": [1]}}""", "FeastError", "to: there is no offline store beside the online one; send 'online': training queries (GetTrainingFeatures) read the same events")]
    [InlineData("""{"push_source_name": "driver_locations_push", "to": "sideways", "df": {"driver_id": [1]}}""", "FeastError", "to: there is no push mode 'sideways'; use one of online, online_and_offline")]
    [InlineData("""{"push_source_name": "rides", "df": {"driver_id": [1], "event_timestamp": ["2022-05-13 10:59:42"]}}""", "FeastError", "df.ride_id: the events of stream 'rides' are told apart by 'ride_id', and there is no such column; send it, or declare 'ride_id' a string: then it is made from the row")]
    [InlineData("""{"push_source_name": "rides", "df": {"ride_id": [1], "at": ["2022-05-13 10:59:42"], "event_timestamp": ["2022-05-13 10:59:42"]}}""", "FeastError", "df.event_timestamp: it is field 'at' a second time; send each field once")]
    [InlineData("""{"push_source_name": 7}""", "FeastError", "push_source_name: it is not text; send a name")]
    [InlineData("""{"push_source_name": NaN}""", "FeastError", "body: it is not JSON")]
    public async Task A_push_that_cannot_be_is_refused_whole_with_place_and_fix(string body, string failure, string message, HttpStatusCode status = HttpStatusCode.BadRequest)
    {
        await using RunningStore store = await StartAsync();
        (string Class, string Message) refused = await FailAsync(store, "/push", body, status);
        refused.Class.ShouldBe(failure);
        refused.Message.ShouldStartWith(message);
    }

    [Fact]
    public async Task Events_without_their_time_or_key_are_refused_row_by_row()
    {
        await using RunningStore store = await StartAsync();
        (_, string message) = await FailAsync(store, "/push", """{"push_source_name": "driver_locations_push", "df": {"driver_lat": [1, 2]}}""", HttpStatusCode.BadRequest);
        message.ShouldStartWith("df[0].event_timestamp");
        message.ShouldContain("2 of 2 rows were refused");
    }

    [Fact]
    public async Task An_empty_frame_is_no_event_and_no_error()
    {
        await using RunningStore store = await StartAsync();
        JsonElement pushed = await PostAsync(store, "/push", """{"push_source_name": "driver_locations_push", "df": {"driver_id": [], "event_timestamp": []}}""");
        pushed.GetProperty("accepted").GetInt64().ShouldBe(0);
    }

    [Fact]
    public async Task Values_of_a_view_cannot_be_written_and_the_answer_says_what_to_do_instead()
    {
        await using RunningStore store = await StartAsync();
        (string failure, string message) = await FailAsync(store, "/write-to-online-store", """{"feature_view_name": "driver_hourly_stats", "df": {"driver_id": [1]}, "allow_registry_cache": false}""", HttpStatusCode.BadRequest);
        failure.ShouldBe("FeastError");
        message.ShouldContain("push the events to the stream that the view reads");
    }
}
