using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.RealData;

/// <summary>
/// Every as-of answer that PostgreSQL gave over five streams, under every policy, against the domain fed with all duplicates:
/// <code>
///   final, all   every distinct event, however late it came
///   drop_late    views that allow one hour of lateness
///   online       what was known at the instant asked about: known_at is as_of
/// </code>
/// </summary>
public sealed class AsOfOracleTests
{
    private static readonly (string Name, string? Key, string Distinct)[] Cards = [("customer", "customer_id", "terminal_id"), ("terminal", "terminal_id", "customer_id"), ("global", null, "customer_id")];

    private static readonly Duration Hour = new(3_600_000_000);

    private static readonly AsOfSource Stress = new("stress", FieldType.Int64, FieldType.Double, Cards);

    [Fact]
    public void Fraud_customers_terminals_and_the_whole_stream()
    {
        var source = new AsOfSource("fraud", FieldType.Int64, FieldType.Double, Cards);
        source.Check(["final"], SharedData.Csv("fraud_events.csv.gz").Select(row => new AsOfRow(row["event_id"], row["event_time"], row["event_time"], "", row["amount"], name => row[name])));
    }

    [Fact]
    public void Flights_in_their_natural_disorder()
    {
        var source = new AsOfSource("flights", FieldType.Int64, FieldType.Int64, [("tailnum", "tailnum", "dest"), ("carrier", "carrier", "dest"), ("origin", "origin", "dest"), ("dest", "dest", "carrier")]);
        source.Check(["final", "online"], FlightRows());
    }

    [Fact]
    public void Devices_over_a_mobile_network()
    {
        var source = new AsOfSource("ooo", FieldType.String, FieldType.Int64, [("device", "device_id", "content_length"), ("session", "session", "device_id")]);
        source.Check(["final", "online"], SharedData.Csv("ooo_events.csv.gz").Select(row => new AsOfRow(row["event_id"], row["event_time"], row["arrival_time"], "", row["rtt_ms"], name => row[name])));
    }

    [Fact]
    public void Nexmark_bids_with_hot_keys()
    {
        var source = new AsOfSource("nexmark", FieldType.Int64, FieldType.Int64, [("auction", "auction", "bidder"), ("bidder", "bidder", "auction"), ("channel", "channel", "bidder")]);
        source.Check(["final", "online"], SharedData.JsonLines("nexmark_stream.jsonl.gz").Where(json => json.GetProperty("type").GetString() == "bid").Select(json => RowOf(json, "price", partition: "")));
    }

    [Fact]
    public void A_stress_stream_of_duplicates_and_late_events_across_partitions() => Stress.Check(["all"], StressRows());

    [Fact]
    public void A_stress_stream_whose_views_allow_an_hour_of_lateness() => Stress.Check(["drop_late"], StressRows(), Hour);

    /// <summary>
    /// Some events are delivered first as a copy that arrived later than the original, on a partition that lags behind. A duplicate is dropped as it is delivered, so in the
    /// order of delivery such an event would be known from its copy's arrival on; the oracle means the earliest arrival. In the order of arrival the original comes first.
    /// </summary>
    [Fact]
    public void A_stress_stream_as_it_was_known_at_each_instant()
    {
        var rows = StressRows().ToList();
        int copiesFirst = rows.GroupBy(row => row.Id).Count(copies => copies.First().Arrived > copies.Min(copy => copy.Arrived));
        copiesFirst.ShouldBe(517);
        Stress.Check(["online"], rows.OrderBy(row => row.Arrived), Hour);
    }

    /// <summary>PostgreSQL's RANGE frames over complete data: each flight's windows as of its own departure, all departures of the same minute included.</summary>
    [Fact]
    public void Every_flight_as_of_its_own_departure()
    {
        (string Entity, string Prefix, Duration Window)[] windows =
            [("tailnum", "tail_7d", Duration.Days(7)), ("tailnum", "tail_30d", Duration.Days(30)), ("dest", "dest_1d", Duration.Days(1)), ("carrier", "carrier_1h", Hour)];
        (string Column, string Aggregate)[] aggregates = [("count", "count"), ("sum", "sum(value)"), ("min", "min(value)"), ("max", "max(value)"), ("stddev", "stddev_samp(value)")];
        var source = new AsOfSource("flights", FieldType.Int64, FieldType.Int64, [("tailnum", "tailnum", ""), ("dest", "dest", ""), ("carrier", "carrier", "")]);
        Catalog catalog = source.CatalogOf(null, entity => windows.Where(window => window.Entity == entity)
            .SelectMany(window => aggregates.Select(pair => new FeatureDefinition($"{window.Prefix}_{pair.Column}", pair.Aggregate, window.Window, Duration.Zero, null, Value.Null))));
        var rows = FlightRows().ToList();
        EventFeed feed = source.Feed(catalog, rows);
        var cells = new OracleCells("flights_expected_per_event.csv.gz");
        var expected = SharedData.Csv("flights_expected_per_event.csv.gz").ToDictionary(row => row["event_id"]);
        var selections = source.Entities.Select(entity => catalog.AllOf(entity.Name)!).ToList();
        foreach (AsOfRow row in rows)
        {
            foreach (Selection selection in selections)
            {
                string entity = selection.Entities[0].Entity.Name;
                var values = feed.Read(selection, SharedData.Time(row.Time), Value.Of(row.Field(entity)));
                for (int index = 0; index < values.Length; index++)
                {
                    string name = selection.Features[index].Name;
                    cells.Add(values[index], expected[row.Id][name], () => $"flight {row.Id}: {name}");
                }
            }
        }

        cells.Check();
    }

    private static IEnumerable<AsOfRow> FlightRows() =>
        SharedData.Csv("flights_events.csv.gz").Select(row => new AsOfRow(row["event_id"], row["event_time"], row["arrival_time"], "", row["dep_delay"], name => row[name]));

    private static IEnumerable<AsOfRow> StressRows() => SharedData.JsonLines("stress_stream.jsonl.gz").Select(json => RowOf(json, "amount", json.GetProperty("partition").ToString()));

    private static AsOfRow RowOf(JsonElement json, string value, string partition) =>
        new(json.GetProperty("event_id").ToString(), json.GetProperty("event_time").GetString()!, json.GetProperty("arrival_time").GetString()!, partition, json.GetProperty(value).ToString(), name => json.GetProperty(name).ToString());
}
