using Feast.Serving;
using Feast.Types;
using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.Gateway.Tests.Serving;
using static OrleansFeatures.Gateway.Tests.Feast.FeastCalls;

namespace OrleansFeatures.Gateway.Tests.Feast;

/// <summary>Feast's two gRPC services, with the messages of its Java, Go and Python tests.</summary>
public sealed class FeastGrpcTests
{
    [Fact]
    public async Task Online_features_come_in_columns_with_Feasts_numbers()
    {
        await using RunningStore store = await StartAsync();
        await PostAsync(store, "/push", Drivers.PushStats);
        using GrpcChannel channel = store.Connect();
        var client = new ServingService.ServingServiceClient(channel);
        GetOnlineFeaturesRequest request = Request(["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips", "driver_hourly_stats:active", "driver_hourly_stats:pushes"], new Value { Int32Val = 1001 }, new Value { Int64Val = -1 });
        GetOnlineFeaturesResponse response = await client.GetOnlineFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        response.Metadata.FeatureNames.Val.ShouldBe(["driver_id", "conv_rate", "avg_daily_trips", "active", "pushes"]);
        response.Results.Select(vector => string.Join(' ', vector.Values)).ShouldBe([
            """{ "int64Val": "1001" } { "int64Val": "-1" }""", """{ "doubleVal": 1 } { }""", """{ "int64Val": "1000" } { }""", "{ } { }", """{ "int64Val": "1" } { "int64Val": "0" }"""]);

        // Feast's numbers: 1 PRESENT, 2 NULL_VALUE, 3 NOT_FOUND.
        response.Results.Select(vector => string.Join(' ', vector.Statuses.Select(status => (int)status))).ShouldBe(["1 1", "1 3", "1 3", "2 3", "1 1"]);
        response.Results[1].EventTimestamps.Select(time => time.Seconds).ShouldBe([1652439582, 0]);
        response.Results[0].EventTimestamps.Select(time => time.Seconds).ShouldBe([0, 0]);
    }

    [Fact]
    public async Task A_feature_service_over_two_entities_with_text_and_number_keys()
    {
        await using RunningStore store = await StartAsync();
        await PostAsync(store, "/push", Drivers.PushStats);
        await PostAsync(store, "/push", $$"""{"push_source_name": "rides", "df": {"ride_id": [1, 2], "at": ["{{Drivers.Now}}", "{{Drivers.Now}}"], "driver_id": [1001, 1001], "city": ["Ulm", "Ulm"], "fare": [7, 8.5]} }""");
        using GrpcChannel channel = store.Connect();
        var request = new GetOnlineFeaturesRequest { FeatureService = "with_city", FullFeatureNames = true };
        request.Entities.Add("city", new RepeatedValue { Val = { new Value { StringVal = "Ulm" }, new Value { UuidVal = "Bonn" } } });
        request.Entities.Add("driver_id", new RepeatedValue { Val = { new Value { Int64Val = 1001 }, new Value { StringVal = "7" } } });
        GetOnlineFeaturesResponse response = await new ServingService.ServingServiceClient(channel).GetOnlineFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        response.Metadata.FeatureNames.Val.Order().ShouldBe(["city", "city_rides__fares", "driver_hourly_stats__conv_rate", "driver_id"]);
        GetOnlineFeaturesResponse.Types.FeatureVector fares = response.Results[response.Metadata.FeatureNames.Val.IndexOf("city_rides__fares")];
        fares.Values[0].DoubleVal.ShouldBe(15.5);
        fares.Statuses.ShouldBe([FieldStatus.Present, FieldStatus.NotFound]);
    }

    [Fact]
    public async Task Request_context_reaches_what_is_computed_on_demand()
    {
        await using RunningStore store = await StartAsync();
        await PostAsync(store, "/push", Drivers.PushStats);
        using GrpcChannel channel = store.Connect();
        var request = new GetOnlineFeaturesRequest { FeatureService = "transformed", FullFeatureNames = true, IncludeFeatureViewVersionMetadata = true };
        request.Entities.Add("driver_id", new RepeatedValue { Val = { new Value { Int64Val = 1001 }, new Value { Int64Val = 1002 }, new Value { Int64Val = 1001 } } });
        request.RequestContext.Add("val_to_add", new RepeatedValue { Val = { new Value { Int64Val = 10 }, new Value { Int64Val = 1 }, new Value() } });
        request.RequestContext.Add("label", new RepeatedValue { Val = { new Value { StringVal = "test2" } } });
        request.RequestContext.Add("nobody_needs", new RepeatedValue { Val = { new Value { BoolVal = true } } });
        GetOnlineFeaturesResponse response = await new ServingService.ServingServiceClient(channel).GetOnlineFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        response.Metadata.FeatureNames.Val.ShouldBe(["driver_id", "driver_hourly_stats__acc_rate", "conv_rate_plus_val", "same_label"]);
        response.Results[2].Values.Select(value => value.ToString()).ShouldBe(["""{ "doubleVal": 11 }""", "{ }", "{ }"]);
        response.Results[2].Statuses.ShouldBe([FieldStatus.Present, FieldStatus.NotFound, FieldStatus.NullValue]);
        response.Results[3].Values.Select(value => value.BoolVal).ShouldBe([true, false, true]);
        response.Results[3].EventTimestamps.ShouldAllBe(time => time.Seconds == 0);
        response.Metadata.FeatureViewMetadata.ShouldHaveSingleItem().Version.ShouldBe(2);
    }

    [Fact]
    public async Task A_value_older_than_its_views_ttl_is_outside_max_age()
    {
        await using RunningStore store = await StartAsync();
        await PostAsync(store, "/push", """{"push_source_name": "rides", "df": {"ride_id": [1], "at": ["2022-05-13 10:59:42"], "driver_id": [1], "city": ["Ulm"], "fare": [7]}}""");
        using GrpcChannel channel = store.Connect();
        var request = new GetOnlineFeaturesRequest { Features = new FeatureList { Val = { "fresh_rides:last_fare" } } };
        request.Entities.Add("city", new RepeatedValue { Val = { new Value { StringVal = "Ulm" } } });
        GetOnlineFeaturesResponse response = await new ServingService.ServingServiceClient(channel).GetOnlineFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        ((int)response.Results[1].Statuses[0]).ShouldBe(4);
        response.Results[1].EventTimestamps[0].Seconds.ShouldBe(1652439582);
    }

    [Fact]
    public async Task No_rows_ask_nothing_and_are_answered_with_no_rows()
    {
        await using RunningStore store = await StartAsync();
        using GrpcChannel channel = store.Connect();
        GetOnlineFeaturesResponse response = await new ServingService.ServingServiceClient(channel).GetOnlineFeaturesAsync(Request(["driver_hourly_stats:conv_rate"]), cancellationToken: RunningStore.Cancelled);
        response.Metadata.FeatureNames.Val.ShouldBe(["driver_id", "conv_rate"]);
        response.Results.ShouldAllBe(vector => vector.Values.Count == 0);
    }

    [Fact]
    public async Task The_server_says_who_it_is()
    {
        await using RunningStore store = await StartAsync();
        using GrpcChannel channel = store.Connect();
        GetFeastServingInfoResponse info = await new ServingService.ServingServiceClient(channel).GetFeastServingInfoAsync(new GetFeastServingInfoRequest(), cancellationToken: RunningStore.Cancelled);
        info.Version.ShouldMatch("^OrleansFeatures [0-9]+\\.[0-9]+\\.[0-9]+$");
    }

    [Fact]
    public async Task Refusals_have_the_stores_own_statuses()
    {
        await using RunningStore store = await StartAsync();
        using GrpcChannel channel = store.Connect();
        var client = new ServingService.ServingServiceClient(channel);
        RpcException unknown = await Should.ThrowAsync<RpcException>(async () => await client.GetOnlineFeaturesAsync(Request(["driver_stats:conv_rate"], new Value { Int64Val = 1 }), cancellationToken: RunningStore.Cancelled));
        (unknown.StatusCode, unknown.Status.Detail).ShouldBe((StatusCode.NotFound, "features[0].view: Feature view driver_stats does not exist; known: pushed_driver_locations, driver_hourly_stats, city_rides, fresh_rides"));
        RpcException key = await Should.ThrowAsync<RpcException>(async () => await client.GetOnlineFeaturesAsync(Request(["driver_hourly_stats:conv_rate"], new Value { BoolVal = true }), cancellationToken: RunningStore.Cancelled));
        key.StatusCode.ShouldBe(StatusCode.InvalidArgument);
    }

    [Fact]
    public async Task The_Python_servers_push_takes_text_and_typed_values()
    {
        await using RunningStore store = await StartAsync();
        using GrpcChannel channel = store.Connect();
        var client = new GrpcFeatureServer.GrpcFeatureServerClient(channel);
        var text = new PushRequest { StreamFeatureView = "driver_stats_push_source", To = "online" };
        text.Features.Add(new Dictionary<string, string> { ["driver_id"] = "1001", ["conv_rate"] = "0.5", ["active"] = "True", ["event_timestamp"] = Drivers.Now });
        (await client.PushAsync(text, cancellationToken: RunningStore.Cancelled)).Status.ShouldBeTrue();
        var typed = new PushRequest { StreamFeatureView = "driver_stats_push_source", To = "online" };
        typed.TypedFeatures.Add(new Dictionary<string, Value>
        {
            ["driver_id"] = new() { Int64Val = 1001 },
            ["acc_rate"] = new() { FloatVal = 0.5f },
            ["avg_daily_trips"] = new() { Int32Val = 3 },
            ["active"] = new() { BoolVal = false },
            ["label"] = new() { StringVal = "fast" },
            ["conv_rate"] = new() { NullVal = Null.Null },
            ["since"] = new() { ZonedTimestampVal = new ZonedTimestamp { UnixTimestamp = 5, Zone = "Europe/Berlin" } },
            ["event_timestamp"] = new() { UnixTimestampVal = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 10 },
        });
        (await client.PushAsync(typed, cancellationToken: RunningStore.Cancelled)).Status.ShouldBeTrue();
        GetOnlineFeaturesResponse response = await client.GetOnlineFeaturesAsync(
            Request(["driver_hourly_stats:pushes", "driver_hourly_stats:conv_rate", "driver_hourly_stats:acc_rate", "driver_hourly_stats:active", "driver_hourly_stats:since"], new Value { Int64Val = 1001 }), cancellationToken: RunningStore.Cancelled);
        response.Results.Skip(1).Select(vector => vector.Values[0].ToString()).ShouldBe(["""{ "int64Val": "2" }""", """{ "doubleVal": 0.5 }""", """{ "doubleVal": 0.5 }""", """{ "boolVal": true }""", """{ "unixTimestampVal": "5" }"""]);

        text.TypedFeatures.Add(typed.TypedFeatures);
        RpcException both = await Should.ThrowAsync<RpcException>(async () => await client.PushAsync(text, cancellationToken: RunningStore.Cancelled));
        both.StatusCode.ShouldBe(StatusCode.InvalidArgument);
        RpcException written = await Should.ThrowAsync<RpcException>(async () => await client.WriteToOnlineStoreAsync(new WriteToOnlineStoreRequest { FeatureViewName = "driver_hourly_stats" }, cancellationToken: RunningStore.Cancelled));
        written.Status.Detail.ShouldContain("push the events to the stream");
    }

    private static GetOnlineFeaturesRequest Request(string[] features, params Value[] drivers)
    {
        var request = new GetOnlineFeaturesRequest { Features = new FeatureList { Val = { features } } };
        request.Entities.Add("driver_id", new RepeatedValue { Val = { drivers } });
        return request;
    }
}
