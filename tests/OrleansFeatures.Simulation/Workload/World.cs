using System.Collections.Immutable;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>One feature as the oracle reads it; the definition is made from the same words.</summary>
/// <param name="Name">Its name in the view.</param>
/// <param name="Kind">The aggregate.</param>
/// <param name="Field">The field that it aggregates, by position in the stream; -1 for none.</param>
/// <param name="Window">Which events it covers.</param>
/// <param name="Delay">It is read so much before the instant asked for.</param>
internal sealed record SimulatedFeature(string Name, string Kind, int Field, WindowDefinition Window, Duration Delay)
{
    /// <summary>Of first_n and last_n.</summary>
    public int N { get; init; }
}

/// <summary>A view, and its filter twice: as the definition says it, and as the oracle computes it.</summary>
internal sealed record SimulatedView(string Name, string Entity, string Stream, ImmutableArray<SimulatedFeature> Features)
{
    public string? Where { get; init; }

    public Func<Value[], bool> Counts { get; init; } = static _ => true;

    public Duration? AllowedLateness { get; init; }

    public Duration? Ttl { get; init; }
}

/// <summary>
/// What a seed's store is defined to be: orders feed customers (text keys) and shops (numeric keys), visits feed customers as well, so a customer has two timelines and an order two copies.
/// Which features there are, what is late and how long history is kept differ from seed to seed. There are two sets of definitions that the operator changes between: the second has an entity
/// type more, which visits feed as well, and a view less. Both have a feature service of what is computed on demand, from customers, shops and the request.
/// </summary>
internal sealed class World
{
    public const string Orders = "orders";
    public const string Visits = "visits";

    /// <summary>The feature service of all on-demand features.</summary>
    public const string Computed = "computed";

    public const int Id = 0;
    public const int At = 1;
    public const int Customer = 2;

    /// <summary>Fields of an order.</summary>
    public const int Shop = 3;
    public const int Amount = 4;
    public const int Items = 5;
    public const int Kind = 6;

    /// <summary>Fields of a visit.</summary>
    public const int Page = 3;
    public const int Seconds = 4;

    private static readonly StreamDefinition OrdersDefinition = new(Orders, 1, "order_id", "at",
    [
        new("order_id", FieldType.Int64), new("at", FieldType.Timestamp), new("customer", FieldType.String), new("shop", FieldType.Int64),
        new("amount", FieldType.Double), new("items", FieldType.Int64), new("kind", FieldType.String),
    ]);

    private static readonly StreamDefinition VisitsDefinition = new(Visits, 1, "visit_id", "at",
    [
        new("visit_id", FieldType.String), new("at", FieldType.Timestamp), new("customer", FieldType.String), new("page", FieldType.String), new("seconds", FieldType.Int64),
    ]);

    private World(ImmutableArray<SimulatedView> views, Duration? history)
    {
        Views = views;
        OnDemand = SimulatedOnDemand.Over(views.First(view => view.Name == "turnover"));
        Catalogs = [Compile([.. views.Where(view => view.Entity != "page")], history), Compile([.. views.Where(view => view.Name != "big_spend")], history)];
        InForce = Catalogs[0];
    }

    /// <summary>All views of both sets.</summary>
    public ImmutableArray<SimulatedView> Views { get; }

    public ImmutableArray<SimulatedOnDemand> OnDemand { get; }

    /// <summary>What a store is to be started with.</summary>
    public Catalog InForce { get; set; }

    /// <summary>The two sets of definitions, the first of which a store begins with. Their streams are the same.</summary>
    public ImmutableArray<Catalog> Catalogs { get; }

    public static World Draw(Random random)
    {
        bool unbounded = random.Next(2) == 0;
        Duration? history = random.Next(3) switch { 0 => null, 1 => Minutes(30), _ => Minutes(150) };
        return new World(
        [
            new SimulatedView("spend", "customer", Orders, Pick(random, unbounded)) { AllowedLateness = Lateness(random), Ttl = Ttl(random) },
            new SimulatedView("big_spend", "customer", Orders, Pick(random, unbounded && random.Next(2) == 0))
            {
                Where = "amount > 20.0",
                Counts = static fields => !fields[Amount].IsNull && fields[Amount].Double > 20,
                Ttl = Ttl(random),
            },
            Turnover(random, new SimulatedView("turnover", "shop", Orders, Pick(random, unbounded)) { AllowedLateness = Lateness(random), Ttl = Ttl(random) }),
            new SimulatedView("clicks", "customer", Visits,
            [
                new("visits_20m", "count", -1, Minutes(20), Duration.Zero), new("last_page", "last", Page, Minutes(60), Duration.Zero), new("pages", "distinct_count", Page, Minutes(120), Duration.Zero),
                new("watched", "sum", Seconds, Minutes(60), Minutes(5)),
            ]) { Ttl = Ttl(random) },
            new SimulatedView("views", "page", Visits, [new("seen_30m", "count", -1, Minutes(30), Duration.Zero), new("seen_seconds", "sum", Seconds, Minutes(120), Duration.Zero), new("who", "last_n", Customer, Minutes(60), Duration.Zero) { N = 2 }]),
        ], history);
    }

    public StreamDefinition Stream(string name) => name == Orders ? OrdersDefinition : VisitsDefinition;

    /// <summary>The entities that an event concerns under any definitions: type and key.</summary>
    public static IEnumerable<(string Entity, Value Key)> EntitiesOf(string stream, Value[] fields) =>
        stream == Orders ? [("customer", fields[Customer]), ("shop", fields[Shop])] : [("customer", fields[Customer])];

    private static SimulatedView Turnover(Random random, SimulatedView view) => random.Next(2) == 0
        ? view with { Where = "kind == 'b'", Counts = static fields => fields[Kind].Text == "b" }
        : view with { Where = "kind != 'b'", Counts = static fields => fields[Kind].Text != "b" };

    private static Duration? Lateness(Random random) => random.Next(3) switch { 0 => null, 1 => Minutes(10), _ => Minutes(45) };

    /// <summary>Shorter than most windows, within them, and longer than all of them.</summary>
    private static Duration? Ttl(Random random) => random.Next(4) switch { 0 => Minutes(12), 1 => Minutes(80), 2 => Minutes(200), _ => null };

    private static Duration Minutes(int minutes) => new(minutes * 60_000_000L);

    private static ImmutableArray<SimulatedFeature> Pick(Random random, bool unbounded)
    {
        SimulatedFeature[] bounded =
        [
            new("count_10m", "count", -1, Minutes(10), Duration.Zero),
            new("sum_1h", "sum", Amount, Minutes(60), Duration.Zero),
            new("mean_30m", "mean", Amount, Minutes(30), Duration.Zero),
            new("max_1h_before", "max", Amount, Minutes(60), Minutes(10)),
            new("min_items_2h", "min", Items, Minutes(120), Duration.Zero),
            new("last3", "last_n", Amount, Minutes(60), Duration.Zero) { N = 3 },
            new("first_kind", "first", Kind, Minutes(30), Duration.Zero),
            new("kinds", "distinct_count", Kind, Minutes(60), Duration.Zero),
            new("items_this_hour", "sum", Items, WindowDefinition.Tumbling(Minutes(60)), Duration.Zero),
            new("session", "count", -1, WindowDefinition.Session(Minutes(5), Minutes(120)), Duration.Zero),
            new("session_items", "sum", Items, WindowDefinition.Session(Minutes(12), Minutes(40)), Duration.Zero),
        ];
        SimulatedFeature[] any =
        [
            new("last5", "sum", Amount, WindowDefinition.Last(5), Duration.Zero),
            new("last40", "count", Items, WindowDefinition.Last(40), Duration.Zero),
            new("ever", "count", -1, WindowDefinition.Lifetime, Duration.Zero),
            new("ever_items", "sum", Items, WindowDefinition.Lifetime, Duration.Zero),
            new("ever_most", "max", Amount, WindowDefinition.Lifetime, Duration.Zero),
        ];
        random.Shuffle(bounded);
        random.Shuffle(any);
        return [.. bounded[..random.Next(3, 7)], .. unbounded ? any[..random.Next(1, 4)] : []];
    }

    private Catalog Compile(ImmutableArray<SimulatedView> views, Duration? history)
    {
        var set = new DefinitionSet(
            [OrdersDefinition, VisitsDefinition],
            [.. views.Select(view => view.Entity).Distinct().Select(entity => new EntityDefinition(entity, [entity]) { History = history })],
            [.. views.Select(view => new FeatureViewDefinition(view.Name, 1, view.Entity, view.Stream, view.Where, [.. view.Features.Select(feature => Define(view, feature))]) { AllowedLateness = view.AllowedLateness, Ttl = view.Ttl })],
            [new FeatureServiceDefinition(Computed, 1, [.. OnDemand.Select(one => one.Name)])])
        {
            OnDemand = [.. OnDemand.Select(one => one.Definition)],
        };
        return Catalog.Compile(set, out var problems) ?? throw new InvalidOperationException(string.Join("; ", problems));
    }

    private static FeatureDefinition Define(SimulatedView view, SimulatedFeature feature)
    {
        string field = feature.Field < 0 ? "" : (view.Stream == Orders ? OrdersDefinition : VisitsDefinition).Fields[feature.Field].Name;
        string arguments = feature.N > 0 ? $"({field}, {feature.N})" : field.Length > 0 ? $"({field})" : "";
        return new FeatureDefinition(feature.Name, feature.Kind + arguments, feature.Window, feature.Delay, null, Value.Null);
    }
}
