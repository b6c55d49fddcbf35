using OrleansFeatures.Simulation.Checking;
using OrleansFeatures.Simulation.Running;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>
/// Draws the events of one client: in order, out of order, late, early, twice, corrected, malformed. One in <paramref name="contention"/> is of an event that all clients write to; where it is
/// every one, a few events have hundreds of versions.
/// </summary>
internal sealed class EventMaker(int client, int contention, Random random, SimulatedClock clock)
{
    private readonly List<EventKey> _own = [];
    private readonly Dictionary<EventKey, (Value At, Value Customer)> _last = [];
    private int _next;

    public List<Operation> Batch()
    {
        var batch = new List<Operation>();
        for (int count = random.Next(1, Bounds.BatchEventsMax + 1); count > 0; count--)
        {
            batch.Add(random.Next(40) == 0 ? Malformed() : random.Next(contention) == 0 ? OfSharedId() : OfOwnId());
        }

        return batch;
    }

    /// <summary>A key that an entity of that type may have; a few are never written to.</summary>
    public static Value KeyOf(string entity, int number) => entity switch
    {
        "customer" => Value.Of($"c{number}"),
        "page" => Value.Of($"page{number}"),
        _ => Value.Of((long)number),
    };

    private Operation OfOwnId()
    {
        if (_own.Count == 0 || random.Next(10) < 6)
        {
            string stream = random.Next(3) == 0 ? World.Visits : World.Orders;
            int number = _next++;
            EventKey id = stream == World.Visits ? new EventKey(stream, 0, $"v{client}-{number}") : new EventKey(stream, ((client + 1) * 1_000_000) + number, "");
            _own.Add(id);
            return Draw(id, random.Next(12) == 0 ? Correction() : EventOperation.Insert);
        }

        // Mostly young ones, sometimes one that may have been summed up or forgotten.
        EventKey known = _own[random.Next(4) == 0 ? random.Next(_own.Count) : Math.Max(0, _own.Count - 1 - random.Next(12))];
        return Draw(known, random.Next(3) == 0 ? EventOperation.Insert : Correction());
    }

    private Operation OfSharedId()
    {
        long number = random.Next(Bounds.SharedIds);
        return Draw(random.Next(2) == 0 ? new EventKey(World.Orders, number, "") : new EventKey(World.Visits, 0, $"shared{number}"), (EventOperation)random.Next(3));
    }

    private EventOperation Correction() => random.Next(3) == 0 ? EventOperation.Delete : EventOperation.Upsert;

    private Operation Draw(EventKey id, EventOperation kind)
    {
        // The first few customers and shops get most: dense entities and sparse ones.
        Value customer = KeyOf("customer", random.Next(1 + random.Next(Bounds.Customers)));
        Value at = Value.Of(new EventTime(Time()));
        if (kind != EventOperation.Insert && _last.TryGetValue(id, out var last) && random.Next(4) > 0)
        {
            // As most corrections are: of the same event time, often of the same customer. The entity then has several rows of one time and id.
            (at, customer) = (last.At, random.Next(2) == 0 ? last.Customer : customer);
        }

        _last[id] = (at, customer);
        return id.Stream == World.Orders
            ? new Operation(id.Stream, kind, [Value.Of(id.Number), at, customer, KeyOf("shop", random.Next(1 + random.Next(Bounds.Shops))), Amount(), Items(), Value.Of("abcd"[random.Next(4)].ToString())])
            : new Operation(id.Stream, kind, [Value.Of(id.Text), at, customer, KeyOf("page", random.Next(Bounds.Pages)), Items()]);
    }

    private Value Amount() => random.Next(20) == 0 ? Value.Null : Value.Of(random.Next(400) / 4.0);

    private Value Items() => random.Next(20) == 0 ? Value.Null : Value.Of((long)random.Next(-3, 50));

    private long Time()
    {
        const long Second = 1_000_000;
        long behind = random.Next(20) switch
        {
            < 11 => random.NextInt64(20 * Second),
            < 15 => 0,
            < 17 => random.NextInt64(20 * 60 * Second),
            < 19 => random.NextInt64(4 * Bounds.HourMicros),
            _ => -random.NextInt64(10 * 60 * Second),
        };
        long micros = clock.WorldMicros - behind;
        return random.Next(3) switch { 0 => micros, 1 => micros - (micros % 1_000), _ => micros - (micros % (10 * Second)) };
    }

    private Operation Malformed()
    {
        Operation sound = Draw(new EventKey(World.Orders, ((client + 1) * 1_000_000) + 500_000 + random.Next(1_000), ""), EventOperation.Insert);
        Value[] fields = [.. sound.Fields];
        (int position, Value wrong) = random.Next(6) switch
        {
            0 => (World.At, Value.Null),
            1 => (World.At, Value.Of(new EventTime(-5))),
            2 => (World.At, Value.Of(new EventTime(clock.WorldMicros + (30 * 86_400_000_000)))),
            3 => (World.Customer, Value.Of("")),
            4 => (World.Shop, Value.Null),
            _ => (World.Amount, Value.Of(double.NaN)),
        };
        fields[position] = wrong;
        return sound with { Fields = fields, IsMalformed = true };
    }
}
