using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Registry;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Definitions and events that the seeds are made of: every type of field, numeric and text ids, two versions of a stream, composite keys, filters, every kind of window, a ttl, on-demand features over every type of field of a request.</summary>
internal static class Examples
{
    public const string Stream = "orders";

    public const string Yaml = """
        apiVersion: orleansfeatures/v1
        streams:
          - name: orders
            version: 1
            event_id: id
            event_time: at
            fields: {id: string, at: timestamp, shop: string, amount: double}
          - name: orders
            version: 2
            event_id: id
            event_time: at
            fields: {id: string, at: timestamp, shop: string, till: int64, amount: double, units: int64, paid: bool, due: timestamp, note: string}
          - name: clicks
            version: 1
            event_id: click
            event_time: when
            fields: {click: int64, when: timestamp, shop: string, x: double, hit: bool}
        entities:
          - {name: shop, key: [shop]}
          - {name: till, key: [shop, till], history: 2h}
        feature_views:
          - name: sales
            version: 1
            entity: shop
            stream: orders
            where: amount > 0.0
            allowed_lateness: 1h
            features:
              - {name: n, aggregate: count, window: 1h}
              - {name: total, aggregate: sum(amount), window: 1d, delay: 5m, default: 0}
              - {name: p95, aggregate: "percentile(amount, 0.95)", window: 7d, accuracy: {exact_for: 1d, hop: 1h}}
              - {name: last5, aggregate: "last_n(note, 5)", window: 30d, where: "note != '' && has(units)"}
              - {name: by_note, aggregate: count, by: note, window: {tumbling: 1d, time_zone: Europe/Zurich}}
          - name: tills
            version: 2
            entity: till
            stream: orders
            ttl: 90s
            features:
              - {name: burst, aggregate: count, window: {session: 5m, max: 1h}}
              - {name: last10, aggregate: mean(units), window: {last: 10}}
              - {name: ever, aggregate: sum(units), window: lifetime}
              - {name: best, aggregate: "max_by(note, amount)", window: 1d}
              - {name: hist, aggregate: "histogram(amount, -1, 0, 10.5, 100)", window: 1d}
          - name: traffic
            version: 1
            entity: shop
            stream: clicks
            features:
              - {name: hits, aggregate: any(hit), window: 10s}
              - {name: spread, aggregate: stddev_samp(x), window: {tumbling: 1h}}
              - {name: due, aggregate: time_since_last, window: 1d}
        on_demand:
          - {name: dearness, type: double, expr: request.amount / sales.total}
          - {name: is_best, type: bool, expr: "request.note == tills@2.best || request.at > timestamp('2018-03-22T00:00:00Z')", request: {note: string, at: timestamp}}
          - {name: units_or, type: int64, expr: "has(tills.ever) ? tills.ever : request.units", request: {units: int64}}
        feature_services:
          - {name: online, version: 1, features: [dearness, is_best, units_or, "traffic:hits"]}
          - {name: all, version: 1, features: ["sales:*", "tills@2:*", "traffic:*"]}
          - {name: few, version: 1, features: ["sales:n", "traffic:hits"]}
        """;

    private static readonly DefinitionReading Reading = DefinitionReader.Read([new DefinitionSource("examples.yaml", Yaml)]);

    public static Catalog Catalog { get; } = Reading.Catalog ?? throw new InvalidOperationException(string.Join('\n', Reading.Errors));

    public static DefinitionSet Definitions => Reading.Definitions;

    public static StreamPlan Orders => Catalog.Stream(Stream)!;

    public static StreamPlan Clicks => Catalog.Stream("clicks")!;

    /// <summary>A good event of a stream's newest version.</summary>
    public static Value[] Event(StreamPlan stream, int number) => [.. stream.Fields.Select((field, position) => position == stream.TimePosition
        ? Value.Of(new EventTime(1_521_676_800_000_000 + (number * 7_000_000L)))
        : field.Name == "shop" ? Value.Of($"shop {number % 3}") : Of(field.Type, number, position))];

    private static Value Of(FieldType type, int number, int position) => type switch
    {
        FieldType.Int64 => Value.Of((long)number + position),
        FieldType.Double => Value.Of((number * 1.25) + position),
        FieldType.String => Value.Of($"text {number} é\U0001F600 {position}"),
        FieldType.Bool => Value.Of(number % 2 == 0),
        _ => Value.Of(new EventTime(number * 1_000_000_000L)),
    };
}
