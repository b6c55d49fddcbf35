using System.Text.Json;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

/// <summary>Features that are a map from categories to values, over gRPC and REST.</summary>
public sealed class MapFeatureTests
{
    private const string Maps = """
        apiVersion: orleansfeatures/v1
        streams:
          - {name: clicks, version: 1, event_id: id, event_time: at, fields: {id: int64, at: timestamp, user: string, shop: int64, amount: double}}
        entities:
          - {name: user, key: [user]}
        feature_views:
          - name: stats
            entity: user
            stream: clicks
            features:
              - {name: n, aggregate: count, window: 1d}
              - {name: by_shop, aggregate: sum(amount), by: shop, window: 1d, accuracy: {exact_for: 2h, hop: 5m}}
              - {name: shops, aggregate: "top_k(shop, 2)", window: 1d}
        """;

    [Fact]
    public async Task Maps_have_a_lane_and_every_column_says_its_types_and_its_hop()
    {
        await using RunningStore store = await RunningStore.StartAsync(Maps);
        GetFeaturesRequest ask = Clicks.Ask("ada", 100, await PushAsync(store), "stats:*");
        ask.Keys[0].Strings.Add("nobody");
        GetFeaturesResponse read = await store.Features.GetFeaturesAsync(ask, cancellationToken: RunningStore.Cancelled);
        read.Columns.Select(column => (column.Name, column.Lane, column.LaneIndex, column.KeyType, column.Type)).ShouldBe([
            ("stats:n", Lane.Int64, 0u, FieldType.Unspecified, FieldType.Int64),
            ("stats:by_shop", Lane.Map, 0u, FieldType.Int64, FieldType.Double),
            ("stats:shops", Lane.Map, 1u, FieldType.Int64, FieldType.Int64)]);
        read.Columns.Select(column => column.HopMicros / (60 * Clicks.Second)).ShouldBe([1, 5, 1]);
        read.Rows.Maps.Select(Text).ShouldBe(["9=1.5 10=6", "10=2 9=1", "", ""]);
    }

    [Fact]
    public async Task In_json_a_map_is_an_object_whose_names_are_its_keys()
    {
        await using RunningStore store = await RunningStore.StartAsync(Maps);
        await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 100, await PushAsync(store), "stats:n"), cancellationToken: RunningStore.Cancelled);
        using JsonDocument answer = JsonDocument.Parse(await store.Http.GetStringAsync("/features/v1/user/ada?as_of=2018-04-01T00:01:40Z", RunningStore.Cancelled));
        JsonElement features = answer.RootElement.GetProperty("features");
        features.GetProperty("stats:by_shop").GetRawText().ShouldBe("""{"9":1.5,"10":6}""");
        features.GetProperty("stats:shops").GetRawText().ShouldBe("""{"10":2,"9":1}""");
        answer.RootElement.TryGetProperty("hops", out _).ShouldBeFalse("nothing is approximate");
    }

    private static string Text(MapValue map) => string.Join(' ', map.Keys.Zip(map.Values, (key, value) => $"{key.Int64}={(value.KindCase == Value.KindOneofCase.Double ? value.Double : value.Int64)}"));

    private static async Task<ConsistencyToken> PushAsync(RunningStore store)
    {
        PushRequest push = Clicks.Columns(0, 3);
        push.FieldNames.RemoveAt(5);
        push.Columns.Columns.RemoveAt(5);
        push.Columns.Columns[3].Int64S.Clear();
        push.Columns.Columns[3].Int64S.AddRange([10, 9, 10]);
        push.Columns.Columns[4].Doubles.Clear();
        push.Columns.Columns[4].Doubles.AddRange([2, 1.5, 4]);
        return (await store.Ingest.PushAsync(push, cancellationToken: RunningStore.Cancelled)).Token;
    }
}
