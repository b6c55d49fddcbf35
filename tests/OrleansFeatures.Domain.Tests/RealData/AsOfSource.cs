using System.Globalization;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Tests.RealData;

/// <summary>One line of a stream's file.</summary>
internal sealed record AsOfRow(string Id, string Time, string Arrival, string Partition, string Value, Func<string, string> Field)
{
    public long Arrived { get; } = SharedData.Time(Arrival).Micros;
}

/// <summary>One stream whose oracle asks about every aggregate over windows of several entity types.</summary>
/// <param name="Name">As the data files begin.</param>
/// <param name="IdType">Of the event ids.</param>
/// <param name="ValueType">Of the field that is aggregated.</param>
/// <param name="Entities">Each with its key field (none for one entity over the whole stream) and the field of its distinct_count.</param>
internal sealed record AsOfSource(string Name, FieldType IdType, FieldType ValueType, (string Name, string? Key, string Distinct)[] Entities)
{
    private static readonly (string Column, string Aggregate)[] Aggregates =
    [
        ("count", "count"), ("sum", "sum(value)"), ("avg", "mean(value)"), ("min", "min(value)"), ("max", "max(value)"), ("stddev_samp", "stddev_samp(value)"), ("stddev_pop", "stddev_pop(value)"),
        ("distinct_count", "distinct_count({distinct})"), ("p50_cont", "percentile(value, 0.5)"), ("p95_cont", "percentile(value, 0.95)"), ("p50_disc", "percentile_disc(value, 0.5)"),
        ("p95_disc", "percentile_disc(value, 0.95)"), ("last5_event_ids", "last_n(event_id, 5)"), ("last5_values", "last_n(value, 5)"),
    ];

    private string[] OtherFields => [.. Entities.SelectMany(entity => (string?[])[entity.Key, entity.Distinct]).OfType<string>().Where(name => name.Length > 0).Distinct()];

    /// <summary>Asks every question of those policies, over rows in the order given.</summary>
    public void Check(string[] policies, IEnumerable<AsOfRow> rows, Duration? allowedLateness = null)
    {
        foreach (string policy in policies)
        {
            rows = rows as List<AsOfRow> ?? [.. rows];
            CheckPolicy(policy, rows, allowedLateness);
        }
    }

    private void CheckPolicy(string policy, IEnumerable<AsOfRow> rows, Duration? allowedLateness)
    {
        string file = $"{Name}_asof_oracle.csv.gz";
        var questions = SharedData.Csv(file).Where(row => row["policy"] == policy).ToList();
        Catalog catalog = CatalogOf(allowedLateness, entity => questions.Where(row => row["entity_type"] == entity).Select(row => row["window_ms"]).Distinct()
            .SelectMany(milliseconds => FeaturesOf(milliseconds, Entities.First(known => known.Name == entity).Distinct)));
        EventFeed feed = Feed(catalog, rows);
        var selections = questions.Select(row => (Entity: row["entity_type"], Window: row["window_ms"])).Distinct()
            .ToDictionary(pair => pair, pair => catalog.Select([.. Aggregates.Select(aggregate => $"{pair.Entity}:{aggregate.Column}_{pair.Window}")], out _)!);
        var cells = new OracleCells($"{file}, {policy}");
        foreach (var question in questions)
        {
            Value[] key = Entities.First(entity => entity.Name == question["entity_type"]).Key is null ? [] : [Value.Of(question["entity_id"])];
            EventTime asOf = SharedData.Time(question["as_of"]);
            FeatureValue[] values = feed.Read(selections[(question["entity_type"], question["window_ms"])], asOf, policy == "online" ? asOf : EventTime.Never, key);
            for (int index = 0; index < values.Length; index++)
            {
                string column = Aggregates[index].Column;
                cells.Add(values[index], question[column], () => $"query {question["query_id"]} {question["entity_type"]} {question["entity_id"]} {question["window"]} at {question["as_of"]}: {column}");
            }
        }

        cells.Check();
    }

    /// <summary>A view of each entity type, with the features given for it.</summary>
    public Catalog CatalogOf(Duration? allowedLateness, Func<string, IEnumerable<FeatureDefinition>> features)
    {
        var stream = new StreamDefinition("s", 1, "event_id", "event_time",
            [new("event_id", IdType), new("event_time", FieldType.Timestamp), new("value", ValueType), .. OtherFields.Select(name => new FieldDefinition(name, FieldType.String))]);
        var views = Entities.Select(entity => new FeatureViewDefinition(entity.Name, 1, entity.Name, "s", null, [.. features(entity.Name)]) { AllowedLateness = allowedLateness });
        Catalog? catalog = Catalog.Compile(
            new DefinitionSet([stream], [.. Entities.Select(entity => new EntityDefinition(entity.Name, entity.Key is null ? [] : [entity.Key]))], [.. views], []), out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }

    /// <summary>
    /// A feed that has been given the rows in their order, each with its arrival and the stream time that the intake would have found: the least, over the partitions seen so
    /// far, of the newest event time of each, the event itself included. It forgets nothing, because questions go back through the whole stream.
    /// </summary>
    public EventFeed Feed(Catalog catalog, IEnumerable<AsOfRow> rows)
    {
        var feed = new EventFeed(catalog) { Forgets = false };
        string[] others = OtherFields;
        var newest = new Dictionary<string, long>();
        foreach (AsOfRow row in rows)
        {
            EventTime time = SharedData.Time(row.Time);
            newest[row.Partition] = Math.Max(newest.GetValueOrDefault(row.Partition, long.MinValue), time.Micros);
            Value id = IdType == FieldType.Int64 ? Value.Of(long.Parse(row.Id, CultureInfo.InvariantCulture)) : Value.Of(row.Id);
            Value value = ValueType == FieldType.Int64 ? Value.Of(long.Parse(row.Value, CultureInfo.InvariantCulture)) : Value.Of(SharedData.Number(row.Value));
            feed.Push("s", EventArrival.Insert(new EventTime(row.Arrived), newest.Values.Min()), [id, Value.Of(time), value, .. others.Select(name => Value.Of(row.Field(name)))]);
        }

        return feed;
    }

    private static IEnumerable<FeatureDefinition> FeaturesOf(string windowMs, string distinct)
    {
        var window = new Duration(long.Parse(windowMs, CultureInfo.InvariantCulture) * 1000);
        return Aggregates.Select(pair => new FeatureDefinition($"{pair.Column}_{windowMs}", pair.Aggregate.Replace("{distinct}", distinct, StringComparison.Ordinal), window, Duration.Zero, null, Value.Null));
    }
}
