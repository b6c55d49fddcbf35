namespace OrleansFeatures.Gateway.Tests.Serving;

internal static class Definitions
{
    /// <summary>Every field type, key type and lane, and a composite key.</summary>
    public const string Everything = """
        apiVersion: orleansfeatures/v1
        streams:
          - name: clicks
            version: 1
            event_id: id
            event_time: at
            fields: {id: int64, at: timestamp, user: string, shop: int64, amount: double, count: int64, note: string, ok: bool, seen: timestamp}
        entities:
          - {name: user, key: [user]}
          - {name: shop, key: [shop]}
          - {name: pair, key: [user, shop]}
        feature_views:
          - name: user_stats
            version: 1
            entity: user
            stream: clicks
            features:
              - {name: n, aggregate: count, window: 1d}
              - {name: total, aggregate: sum(amount), window: 1d}
              - {name: mean, aggregate: mean(amount), window: 1d}
              - {name: mean_or_zero, aggregate: mean(amount), window: 1d, default: 0}
              - {name: top, aggregate: max(count), window: 1d}
              - {name: note, aggregate: last(note), window: 1d}
              - {name: ok, aggregate: last(ok), window: 1d}
              - {name: seen, aggregate: last(seen), window: 1d}
              - {name: notes, aggregate: "last_n(note, 3)", window: 1d}
              - {name: amounts, aggregate: "first_n(amount, 2)", window: 1d}
              - {name: counts, aggregate: "last_n(count, 2)", window: 1d}
          - name: shop_stats
            version: 1
            entity: shop
            stream: clicks
            features:
              - {name: n, aggregate: count, window: 1h}
              - {name: users, aggregate: distinct_count(user), window: 1d}
          - name: pair_stats
            version: 1
            entity: pair
            stream: clicks
            features:
              - {name: n, aggregate: count, window: 1d}
        feature_services:
          - {name: all, version: 1, features: ["user_stats:*", "shop_stats:*", "pair_stats:n"]}
          - {name: user_only, version: 1, features: ["user_stats:n", "user_stats:total"]}
        """;

    /// <summary>One entity for the whole stream.</summary>
    public const string Keyless = """
        apiVersion: orleansfeatures/v1
        streams:
          - {name: clicks, version: 1, event_id: id, event_time: at, fields: {id: int64, at: timestamp}}
        entities:
          - {name: everyone, key: []}
        feature_views:
          - name: everyone_stats
            version: 1
            entity: everyone
            stream: clicks
            features:
              - {name: n, aggregate: count, window: 1d}
        """;
}
