using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>
/// NEXMark's bids through the engine on one core, with definitions in the shape of four of its queries, beside what is published of Flink. The 184,000 bids are repeated with later times and with
/// ids, auctions and bidders that go on counting, as the generator's do.
/// </summary>
internal static class NexmarkTable
{
    private const int EventsMin = 5_000_000;
    private const string Stream = "bids";
    private const string Entity = "subject";

    private static readonly Query[] Queries =
    [
        new("q5", "bids of an auction in the last 10 s", ["auction"], [new("bids", "count", new Duration(10_000_000), default, null, Value.Null)], 22.14, 74.5),
        new("q11", "bids of a bidder in the session, gap 10 s", ["bidder"], [new("bids", "count", WindowDefinition.Session(new Duration(10_000_000)), default, null, Value.Null)], 39.70, 46.1),
        new("q17", "an auction's day: count, three price ranks, min, max, avg, sum", ["auction"],
        [
            Daily("total", "count", null), Daily("rank1", "count", "price < 10000"), Daily("rank2", "count", "price >= 10000 && price < 1000000"), Daily("rank3", "count", "price >= 1000000"),
            Daily("least", "min(price)", null), Daily("greatest", "max(price)", null), Daily("mean", "mean(price)", null), Daily("sum", "sum(price)", null),
        ], 116.80, 161),
        new("q18", "the last bid of a bidder on an auction", ["bidder", "auction"],
        [
            new("price", "last(price)", Duration.Days(1), default, null, Value.Null), new("channel", "last(channel)", Duration.Days(1), default, null, Value.Null),
        ], 53.70, 65.4),
    ];

    public static void Print(int partitions)
    {
        if (!File.Exists(NexmarkBids.Path))
        {
            Console.WriteLine("nexmark: not measured, nexmark_stream.jsonl.gz is not where the shared data should be (../shared/data beside the repository)");
            return;
        }

        List<NexmarkBid> bids = NexmarkBids.Read();
        Console.WriteLine($"{bids.Count:N0} bids, repeated to at least {EventsMin:N0}; one core, records encoded beforehand, no log and no network. \"and read\": after every event its entity's features are read.");
        Console.WriteLine("Flink: published per-core figures (NEXMark V1 and V2), other hardware, with their source and sink and checkpoints, without point reads. An order of magnitude, no more.");
        Console.WriteLine();
        Console.WriteLine($"{"query",-6}{"events/s",12}{"and read",12}{"Flink V1",12}{"Flink V2",12}{"entities",12}  shape");
        Measure(Queries[0], bids, partitions, reads: false, events: EventsMin / 5);
        foreach (Query query in Queries)
        {
            (double update, long entities) = Measure(query, bids, partitions, reads: false, EventsMin);
            (double read, _) = Measure(query, bids, partitions, reads: true, EventsMin);
            Console.WriteLine($"{query.Name,-6}{1e9 / update,12:N0}{1e9 / read,12:N0}{query.FlinkV1 * 1_000,12:N0}{query.FlinkV2 * 1_000,12:N0}{entities,12:N0}  {query.Shape}");
        }
    }

    private static FeatureDefinition Daily(string name, string aggregate, string? where) =>
        new(name, aggregate, WindowDefinition.Tumbling(Duration.Days(1)), default, where, Value.Null);

    private static (double Nanoseconds, long Entities) Measure(Query query, List<NexmarkBid> bids, int partitions, bool reads, int events)
    {
        Catalog catalog = CatalogOf(query);
        var store = new EngineStore(catalog, partitions);
        EntityRead read = catalog.AllOf(Entity)!.Entities[0];
        var block = new RecordBlock(catalog, Stream, store.Map, bids.Count);
        var values = new FeatureValue[read.Plan.FeatureCount];
        var rounds = new Rounds();
        NexmarkBid last = bids[^1];
        for (int repeat = 0; repeat * bids.Count < events; repeat++)
        {
            block.Clear();
            foreach (NexmarkBid bid in bids)
            {
                Add(block, bid, repeat, last);
            }

            if (reads)
            {
                rounds.Time(block.Count, () => store.ApplyAndRead(block, read, values));
            }
            else
            {
                rounds.Time(block.Count, () => store.Apply(block));
            }
        }

        return (rounds.Median, store.Census().Entities);
    }

    private static void Add(RecordBlock block, NexmarkBid bid, int repeat, NexmarkBid last)
    {
        const long spanMicros = 200_000_000;
        ReadOnlySpan<Value> fields =
        [
            Value.Of(bid.Id + (repeat * (last.Id + 1))), Value.Of(new EventTime(bid.TimeMicros + (repeat * spanMicros))), Value.Of(bid.Auction + (repeat * last.Auction)),
            Value.Of(bid.Bidder + (repeat * last.Bidder)), Value.Of(bid.Price), Value.Of(bid.Channel),
        ];
        block.Add(fields, bid.ArrivalMicros + (repeat * spanMicros));
    }

    private static Catalog CatalogOf(Query query)
    {
        var stream = new StreamDefinition(Stream, 1, "event_id", "event_time",
        [
            new("event_id", FieldType.Int64), new("event_time", FieldType.Timestamp), new("auction", FieldType.Int64), new("bidder", FieldType.Int64), new("price", FieldType.Int64),
            new("channel", FieldType.String),
        ]);
        return KernelDefinitions.Compiled(new DefinitionSet([stream], [new EntityDefinition(Entity, query.Key)], [new FeatureViewDefinition("view", 1, Entity, Stream, null, query.Features)], []));
    }

    /// <summary>A definition in the shape of a query, and Flink's thousands of events a second and core.</summary>
    private sealed record Query(string Name, string Shape, ImmutableArray<string> Key, ImmutableArray<FeatureDefinition> Features, double FlinkV1, double FlinkV2);
}
