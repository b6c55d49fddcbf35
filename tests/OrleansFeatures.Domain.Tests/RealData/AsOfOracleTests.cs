using System.Globalization;
using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Tests.RealData;

/// <summary>
/// Every as-of answer that PostgreSQL gave over five streams, policies <c>final</c> and <c>all</c> (every distinct event, however late it came), against the
/// domain fed in arrival order with all duplicates.
/// </summary>
public sealed class AsOfOracleTests
{
    private static readonly string[] Compared = ["count", "sum", "avg", "min", "max", "stddev_samp", "stddev_pop", "distinct_count", "p50_cont", "p95_cont", "p50_disc", "p95_disc", "last5_event_ids", "last5_values"];

    [Fact]
    public void Fraud_customers_terminals_and_the_whole_stream()
    {
        var stream = new Source("event_id", FieldType.Int64, "amount", FieldType.Double, [("customer", "customer_id", "terminal_id"), ("terminal", "terminal_id", "customer_id"), ("global", null, "customer_id")]);
        Check("fraud_asof_oracle.csv.gz", stream, SharedData.Csv("fraud_events.csv.gz").Select(row => new Row(row["event_id"], row["event_time"], row["amount"], name => row[name])));
    }

    [Fact]
    public void Flights_in_their_natural_disorder()
    {
        var stream = new Source("event_id", FieldType.Int64, "dep_delay", FieldType.Int64, [("tailnum", "tailnum", "dest"), ("carrier", "carrier", "dest"), ("origin", "origin", "dest"), ("dest", "dest", "carrier")]);
        Check("flights_asof_oracle.csv.gz", stream, SharedData.Csv("flights_events.csv.gz").Select(row => new Row(row["event_id"], row["event_time"], row["dep_delay"], name => row[name])));
    }

    [Fact]
    public void Devices_over_a_mobile_network()
    {
        var stream = new Source("event_id", FieldType.String, "rtt_ms", FieldType.Int64, [("device", "device_id", "content_length"), ("session", "session", "device_id")]);
        Check("ooo_asof_oracle.csv.gz", stream, SharedData.Csv("ooo_events.csv.gz").Select(row => new Row(row["event_id"], row["event_time"], row["rtt_ms"], name => row[name])));
    }

    [Fact]
    public void Nexmark_bids_with_hot_keys()
    {
        var stream = new Source("event_id", FieldType.Int64, "price", FieldType.Int64, [("auction", "auction", "bidder"), ("bidder", "bidder", "auction"), ("channel", "channel", "bidder")]);
        Check("nexmark_asof_oracle.csv.gz", stream, SharedData.JsonLines("nexmark_stream.jsonl.gz").Where(json => json.GetProperty("type").GetString() == "bid").Select(json => RowOf(json, "price")));
    }

    [Fact]
    public void A_stress_stream_of_duplicates_and_late_events_across_partitions()
    {
        var stream = new Source("event_id", FieldType.Int64, "amount", FieldType.Double, [("customer", "customer_id", "terminal_id"), ("terminal", "terminal_id", "customer_id"), ("global", null, "customer_id")]);
        Check("stress_asof_oracle.csv.gz", stream, SharedData.JsonLines("stress_stream.jsonl.gz").Select(json => RowOf(json, "amount")));
    }

    private static Row RowOf(JsonElement json, string value) =>
        new(json.GetProperty("event_id").ToString(), json.GetProperty("event_time").GetString()!, json.GetProperty(value).ToString(), name => json.GetProperty(name).ToString());

    private static void Check(string oracle, Source source, IEnumerable<Row> rows)
    {
        var questions = SharedData.Csv(oracle).Where(row => row["policy"] is "final" or "all").ToList();
        Catalog catalog = CatalogOf(source, questions);
        var feed = new EventFeed(catalog) { Forgets = false };
        string[] others = [.. source.Entities.SelectMany(entity => (string?[])[entity.Key, entity.Distinct]).OfType<string>().Distinct()];
        foreach (Row row in rows)
        {
            Value id = source.IdType == FieldType.Int64 ? Value.Of(long.Parse(row.Id, CultureInfo.InvariantCulture)) : Value.Of(row.Id);
            Value value = source.ValueType == FieldType.Int64 ? Value.Of(long.Parse(row.Value, CultureInfo.InvariantCulture)) : Value.Of(SharedData.Number(row.Value));
            feed.Push("s", [id, Value.Of(SharedData.Time(row.Time)), value, .. others.Select(name => Value.Of(row.Field(name)))]);
        }

        var selections = source.Entities.ToDictionary(entity => entity.Name, entity => catalog.AllOf(entity.Name)!);
        var wrong = new List<string>();
        long cells = 0;
        foreach (var question in questions)
        {
            Selection selection = selections[question["entity_type"]];
            Value[] key = source.Entities.First(entity => entity.Name == question["entity_type"]).Key is null ? [] : [Value.Of(question["entity_id"])];
            FeatureValue[] values = feed.Read(SelectionOf(catalog, selection, question["window_ms"]), SharedData.Time(question["as_of"]), key);
            for (int index = 0; index < Compared.Length; index++)
            {
                cells++;
                if (!Same(values[index], question[Compared[index]]))
                {
                    wrong.Add($"query {question["query_id"]} {question["entity_type"]} {question["entity_id"]} {question["window"]} at {question["as_of"]}: {Compared[index]} is {Show(values[index])}, the oracle says {question[Compared[index]]}");
                }
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{oracle}: {cells} cells, {wrong.Count} wrong");
        wrong.Take(10).ShouldBeEmpty($"{wrong.Count} of {cells} cells are wrong");
        cells.ShouldBeGreaterThan(10_000);
    }

    private static Selection SelectionOf(Catalog catalog, Selection all, string windowMs)
    {
        string view = all.Entities[0].Entity.Name;
        lock (Cache)
        {
            return Cache.TryGetValue((catalog, view, windowMs), out Selection? cached)
                ? cached
                : Cache[(catalog, view, windowMs)] = catalog.Select([.. Compared.Select(name => $"{view}:{name}_{windowMs}")], out _)!;
        }
    }

    private static readonly Dictionary<(Catalog, string, string), Selection> Cache = [];

    private static Catalog CatalogOf(Source source, List<Dictionary<string, string>> questions)
    {
        string[] others = [.. source.Entities.SelectMany(entity => (string?[])[entity.Key, entity.Distinct]).OfType<string>().Distinct()];
        var stream = new StreamDefinition("s", 1, "event_id", "event_time",
            [new("event_id", source.IdType), new("event_time", FieldType.Timestamp), new("value", source.ValueType), .. others.Select(name => new FieldDefinition(name, FieldType.String))]);
        var views = source.Entities.Select(entity => new FeatureViewDefinition(entity.Name, 1, entity.Name, "s", null,
            [.. questions.Where(row => row["entity_type"] == entity.Name).Select(row => row["window_ms"]).Distinct().SelectMany(ms => FeaturesOf(ms, entity.Distinct))]));
        Catalog? catalog = Catalog.Compile(
            new DefinitionSet([stream], [.. source.Entities.Select(entity => new EntityDefinition(entity.Name, entity.Key is null ? [] : [entity.Key]))], [.. views], []), out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }

    private static IEnumerable<FeatureDefinition> FeaturesOf(string windowMs, string distinct)
    {
        string[] aggregates =
        [
            "count", "sum(value)", "mean(value)", "min(value)", "max(value)", "stddev_samp(value)", "stddev_pop(value)", $"distinct_count({distinct})",
            "percentile(value, 0.5)", "percentile(value, 0.95)", "percentile_disc(value, 0.5)", "percentile_disc(value, 0.95)", "last_n(event_id, 5)", "last_n(value, 5)",
        ];
        var window = new Duration(long.Parse(windowMs, CultureInfo.InvariantCulture) * 1000);
        return aggregates.Select((aggregate, index) => new FeatureDefinition($"{Compared[index]}_{windowMs}", aggregate, window, Duration.Zero, null, Value.Null));
    }

    private static bool Same(in FeatureValue value, string expected)
    {
        if (expected.Length == 0)
        {
            return value.Status == FeatureStatus.NullValue;
        }

        if (value.List is { } list)
        {
            string[] items = expected.Split('|');
            return list.Length == items.Length && list.Zip(items).All(pair => SameScalar(pair.First, pair.Second, 0));
        }

        return value.Status == FeatureStatus.Present && SameScalar(value.Scalar, expected, 1e-6);
    }

    private static bool SameScalar(Value value, string expected, double tolerance) => value.Type switch
    {
        FieldType.String => value.Text == expected,
        FieldType.Int64 => value.Int64 == decimal.Parse(expected, CultureInfo.InvariantCulture),
        _ => Math.Abs(value.Double - SharedData.Number(expected)) <= tolerance * Math.Max(1, Math.Abs(value.Double)),
    };

    private static string Show(in FeatureValue value) => value.List is { } list ? string.Join("|", list) : $"{value.Status} {value.Scalar}";

    private sealed record Source(string Id, FieldType IdType, string Value, FieldType ValueType, (string Name, string? Key, string Distinct)[] Entities);

    private sealed record Row(string Id, string Time, string Value, Func<string, string> Field);
}
