using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Conformance;

/// <summary>The events of most tests: transactions of customers at terminals, and definitions over them.</summary>
public static class Transactions
{
    public static readonly EventTime Start = new(1_600_000_000_000_000);

    public static EventTime At(long seconds) => new(Start.Micros + (seconds * 1_000_000));

    public static Value[] Of(long id, long seconds, string customer, string terminal, double amount) =>
        [Value.Of(id), Value.Of(At(seconds)), Value.Of(customer), Value.Of(terminal), Value.Of(amount)];

    public static Push Insert(long id, long seconds, string customer, string terminal, double amount) => new(Of(id, seconds, customer, terminal, amount));

    public static Push Upsert(long id, long seconds, string customer, string terminal, double amount) => new(Of(id, seconds, customer, terminal, amount), EventOperation.Upsert);

    public static Push Delete(long id) => new([Value.Of(id), Value.Null, Value.Null, Value.Null, Value.Null], EventOperation.Delete);

    /// <summary>So many inserts within an hour, drawn at random: customers c0 to c5 at terminals t0 to t3, amounts in quarters so that sums are exact.</summary>
    public static Push[] Many(int seed, int count, int first = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(first, count).Select(id => Insert(id, random.Next(3_600), $"c{random.Next(6)}", $"t{random.Next(4)}", random.Next(1, 500) / 4.0))];
    }

    /// <summary>Customers, and with <paramref name="terminals"/> terminals too, over one stream.</summary>
    public static Catalog Catalog(bool terminals = true, string window = "1h", Duration? customerLateness = null)
    {
        Duration.TryParse(window, out Duration width).ShouldBeTrue();
        FeatureDefinition[] features =
        [
            new("count", "count", width, Duration.Zero, null, Value.Null),
            new("sum", "sum(amount)", width, Duration.Zero, null, Value.Null),
            new("last3", "last_n(amount, 3)", width, Duration.Zero, null, Value.Null),
        ];
        List<EntityDefinition> entities = [new("customer", ["customer_id"])];
        List<FeatureViewDefinition> views = [new("customer_spend", 1, "customer", "transactions", null, [.. features]) { AllowedLateness = customerLateness }];
        if (terminals)
        {
            entities.Add(new EntityDefinition("terminal", ["terminal_id"]));
            views.Add(new FeatureViewDefinition("terminal_use", 1, "terminal", "transactions", "amount > 0.0", [.. features]));
        }

        return Compile([.. entities], [.. views]);
    }

    public static Catalog Compile(EntityDefinition[] entities, FeatureViewDefinition[] views)
    {
        var stream = new StreamDefinition("transactions", 1, "tx_id", "tx_time",
            [new("tx_id", FieldType.Int64), new("tx_time", FieldType.Timestamp), new("customer_id", FieldType.String), new("terminal_id", FieldType.String), new("amount", FieldType.Double)]);
        Catalog? catalog = Domain.Definitions.Catalog.Compile(new DefinitionSet([stream], [.. entities], [.. views], []), out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }
}

/// <summary>One event of a push.</summary>
public sealed record Push(Value[] Fields, EventOperation Operation = EventOperation.Insert, string Producer = "till", EventTime? Arrival = null)
{
    public CorrectionOutcome AddTo(IntakeBatch batch)
    {
        StreamPlan stream = batch.Catalog.Stream("transactions")!;
        var provenance = new Provenance { Producer = System.Text.Encoding.UTF8.GetBytes(Producer), Operation = Operation, Arrival = Arrival };
        IntakeResult result = batch.Add(stream, stream.Version(0)!, Fields, provenance, out IntakeNote note);
        return new CorrectionOutcome(result, note);
    }
}
