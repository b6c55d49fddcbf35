using System.Globalization;

namespace OrleansFeatures.Gateway.Tests.Feast;

/// <summary>
/// The drivers of Feast's own tests and documentation, as definitions of ours, and the message shapes that those publish: property for property what Feast's Python SDK, curl examples and server tests send.
/// A lifetime window with <c>last</c> is what Feast calls a feature: the newest value.
/// </summary>
internal static class Drivers
{
    public const string Definitions = """
        apiVersion: orleansfeatures/v1
        streams:
          - name: driver_locations_push
            version: 1
            event_id: row_id
            event_time: event_timestamp
            fields: {row_id: string, event_timestamp: timestamp, driver_id: int64, driver_lat: double, driver_long: string}
          - name: driver_stats_push_source
            version: 1
            event_id: row_id
            event_time: measured
            fields: {row_id: string, measured: timestamp, driver_id: int64, conv_rate: double, acc_rate: double, avg_daily_trips: int64, active: bool, label: string, since: timestamp}
          - name: rides
            version: 1
            event_id: ride_id
            event_time: at
            fields: {ride_id: int64, at: timestamp, driver_id: int64, city: string, fare: double}
        entities:
          - {name: driver, key: [driver_id]}
          - {name: city, key: [city]}
        feature_views:
          - name: pushed_driver_locations
            version: 1
            entity: driver
            stream: driver_locations_push
            features:
              - {name: driver_lat, aggregate: last(driver_lat), window: lifetime}
              - {name: driver_long, aggregate: last(driver_long), window: lifetime}
              - {name: pushes, aggregate: count, window: lifetime}
          - name: driver_hourly_stats
            version: 1
            entity: driver
            stream: driver_stats_push_source
            features:
              - {name: conv_rate, aggregate: first(conv_rate), window: lifetime}
          - name: driver_hourly_stats
            version: 2
            entity: driver
            stream: driver_stats_push_source
            features:
              - {name: conv_rate, aggregate: last(conv_rate), window: lifetime}
              - {name: acc_rate, aggregate: last(acc_rate), window: lifetime}
              - {name: avg_daily_trips, aggregate: last(avg_daily_trips), window: lifetime}
              - {name: active, aggregate: last(active), window: lifetime}
              - {name: label, aggregate: last(label), window: lifetime}
              - {name: since, aggregate: last(since), window: lifetime}
              - {name: pushes, aggregate: count, window: lifetime}
              - {name: labels, aggregate: "last_n(label, 3)", window: 1d}
              - {name: rates, aggregate: "last_n(conv_rate, 3)", window: 1d}
              - {name: trips, aggregate: "last_n(avg_daily_trips, 3)", window: 1d}
              - {name: actives, aggregate: "last_n(active, 3)", window: 1d}
              - {name: times, aggregate: "last_n(since, 3)", window: 1d}
              - {name: by_label, aggregate: sum(conv_rate), window: 1d, by: label}
              - {name: by_trips, aggregate: count, window: 1d, by: avg_daily_trips}
          - name: city_rides
            version: 1
            entity: city
            stream: rides
            features:
              - {name: fares, aggregate: sum(fare), window: 1d}
          - name: fresh_rides
            version: 1
            entity: city
            stream: rides
            ttl: 1d
            features:
              - {name: last_fare, aggregate: last(fare), window: lifetime}
        on_demand:
          - {name: conv_rate_plus_val, type: double, expr: request.val_to_add + driver_hourly_stats.conv_rate}
          - name: same_label
            type: bool
            expr: "request.label == driver_hourly_stats.label"
            request: {label: string}
        feature_services:
          - {name: transformed, version: 1, features: ["driver_hourly_stats:acc_rate", conv_rate_plus_val, same_label]}
          - {name: driver_activity, version: 1, features: ["driver_hourly_stats:conv_rate", "driver_hourly_stats:acc_rate", "driver_hourly_stats:avg_daily_trips"]}
          - {name: with_city, version: 1, features: ["driver_hourly_stats:conv_rate", "city_rides:fares"]}
          - {name: both_versions, version: 1, features: ["driver_hourly_stats@1:conv_rate", "driver_hourly_stats:conv_rate"]}
        """;

    /// <summary>As pandas and <c>str(datetime)</c> write the present: with a blank and without a zone, which Feast takes for UTC.</summary>
    public static string Now => DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture);

    /// <summary>The request of Feast's server tests.</summary>
    public const string GetLocations = """
        {"features": ["pushed_driver_locations:driver_lat", "pushed_driver_locations:driver_long"], "entities": {"driver_id": [123]}}
        """;

    /// <summary>The push of Feast's server tests.</summary>
    public static string PushLocation(string to = "online", double latitude = 42, string? time = null) => string.Create(CultureInfo.InvariantCulture, $$"""
        {"push_source_name": "driver_locations_push",
         "df": {"driver_lat": [{{latitude}}], "driver_long": ["42.0"], "driver_id": [123], "event_timestamp": ["{{time ?? Now}}"], "created_timestamp": ["{{Now}}"]},
         "to": "{{to}}"}
        """);

    /// <summary>The request of the feature server's documentation.</summary>
    public const string GetStats = """
        {"features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:acc_rate", "driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": [1001, 1002, 1003]}}
        """;

    /// <summary>The push of the feature server's documentation: a scalar in the frame stands for every row.</summary>
    public const string PushStats = """
        {"push_source_name": "driver_stats_push_source",
         "df": {"driver_id": [1001], "event_timestamp": ["2022-05-13 10:59:42+00:00"], "created": ["2022-05-13 10:59:42"], "conv_rate": [1.0], "acc_rate": [1.0], "avg_daily_trips": [1000], "label": "test2"},
         "to": "online_and_offline"}
        """;

    /// <summary>What the SDK's remote online store sends for <c>get_online_features</c>.</summary>
    public const string RemoteGet = """
        {"entities": {"driver_id": [1001, 1002]}, "full_feature_names": false, "include_feature_view_version_metadata": false, "features": ["driver_hourly_stats:conv_rate"]}
        """;

    /// <summary>What it sends for a feature service.</summary>
    public const string RemoteService = """
        {"entities": {"driver_id": [1001]}, "full_feature_names": true, "include_feature_view_version_metadata": true, "feature_service": "driver_activity"}
        """;
}
