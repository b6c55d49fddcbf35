using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Conformance;

/// <summary>
/// Streams drawn at random, with copies, disorder, late events and corrections, through whichever entry chance picks, with checkpoints and restarts in between; after each turn some entry is asked for
/// everything, and every value is the naive oracle's.
/// </summary>
public abstract class RandomStreamConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    private const int Turns = 24;

    /// <summary>Event time that a turn takes; the windows are from seconds to hours of it.</summary>
    private const int SecondsPerTurn = 120;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_order_events_copies_and_corrections_come_in_and_whenever_it_restarts_every_value_is_the_oracles(int seed)
    {
        await using ConformanceStore store = await OpenAsync(ManyWindows());
        var random = new Random(seed);
        var oracle = new TransactionOracle { Customers = 6, Terminals = 4 };
        var sent = new List<Push>();
        var met = new HashSet<IntakeResult>();
        for (int turn = 0; turn < Turns; turn++)
        {
            string context = $"seed {seed}, turn {turn}";
            Push[] batch = [.. Enumerable.Range(0, random.Next(1, Some(60))).Select(_ => Draw(random, sent, turn))];
            sent.AddRange(batch);
            IEntityHost entry = store.Entries[random.Next(2)];
            Pushed pushed = await entry.AppendAsync(batch);
            pushed.Results.ShouldBe(oracle.Apply(entry.Catalog, batch), context);
            met.UnionWith(pushed.Results);
            await DisturbAsync(store, random);
            await CheckAsync(store, random, oracle, pushed, turn, context);
        }

        met.ShouldBe([IntakeResult.Accepted, IntakeResult.Duplicate, IntakeResult.Late], ignoreOrder: true, $"seed {seed}: the stream has some of everything");
        await store.RestartAsync();
        await oracle.CheckAsync(store.Host, [Turns * SecondsPerTurn, Turns * SecondsPerTurn / 2], $"seed {seed}, at the end");
        await oracle.CheckAsync(store.Host, [Turns * SecondsPerTurn / 3], $"seed {seed}, at the end", history: true);
    }

    /// <summary>Several producers at once would make late what another saw in time, so this one checks sums only: nothing is late for a view that allows everything.</summary>
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task Whoever_pushes_the_same_events_at_once_in_whatever_order_and_again_each_counts_once(int seed)
    {
        await using ConformanceStore store = await OpenAsync();
        var oracle = new TransactionOracle();
        Push[] events = [.. Enumerable.Range(0, Some(1_200)).Select(id => Transactions.Insert(id, id * 3 % 3_600, $"c{id % 6}", $"t{id % 4}", (id % 90) / 4.0))];
        oracle.Apply(store.Host.Catalog, events);
        int accepted = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(connection => Task.Run(async () =>
        {
            var random = new Random((seed * 10) + connection);
            Push[] mine = [.. events];
            random.Shuffle(mine);
            foreach (Push[] batch in mine.Chunk(random.Next(20, 90)))
            {
                Interlocked.Add(ref accepted, await PushUntilAcknowledgedAsync(store.Entries[connection % 2], batch, random));
            }
        })));
        await store.WaitAllAppliedAsync();
        await oracle.CheckAsync(store.Host, [1_800, 3_600], $"seed {seed}");
        accepted.ShouldBeLessThanOrEqualTo(events.Length, $"seed {seed}: an event may have been accepted by a push that was cancelled, and never twice");
        await store.Host.ShouldHoldAsync(events.Length, $"seed {seed}");
    }

    /// <summary>Every other push is cancelled at some moment: whether it got in or not, the same events pushed again count once. Returns how many this push was told are new.</summary>
    private static async Task<int> PushUntilAcknowledgedAsync(IEntityHost entry, Push[] batch, Random random)
    {
        if (random.Next(2) == 0)
        {
            using var impatience = new CancellationTokenSource();
            using IntakeBatch attempt = await entry.BeginBatchAsync(Cancel);
            foreach (Push push in batch)
            {
                push.AddTo(attempt);
            }

            Task<bool> appending = entry.AppendAsync(attempt, wait: true, impatience.Token).AsTask();
            await impatience.CancelAsync();
            await Task.WhenAny(appending);
            _ = appending.Exception;
        }

        while (true)
        {
            try
            {
                return (await entry.AppendAsync(batch)).Results.Count(result => result == IntakeResult.Accepted);
            }
            catch (OriginalNotDurableException)
            {
                // Another connection's copy was cancelled under ours. The contract asks for just this: push it again.
            }
        }
    }

    private static async Task DisturbAsync(ConformanceStore store, Random random)
    {
        switch (random.Next(10))
        {
            case 0:
                await store.RestartAsync();
                break;
            case 1 or 2:
                await store.Host.CheckpointAsync(Cancel);
                break;
            default:
                break;
        }
    }

    /// <summary>Read where it was not pushed: the positions of the push are what makes the other entry wait for it.</summary>
    private static async Task CheckAsync(ConformanceStore store, Random random, TransactionOracle oracle, Pushed pushed, int turn, string context)
    {
        IEntityHost reader = store.Entries[random.Next(2)];
        await reader.WaitAppliedAsync(pushed.Positions);
        long now = turn * SecondsPerTurn;
        await oracle.CheckAsync(reader, [now, now - random.Next(1_800)], context);
        await oracle.CheckAsync(reader, [now], context, knownAt: Transactions.At(Arrival(random.Next(turn + 1))));
    }

    private static Push Draw(Random random, List<Push> sent, int turn)
    {
        EventTime arrival = Transactions.At(Arrival(turn));
        if (sent.Count > 0 && random.Next(5) == 0)
        {
            return sent[random.Next(sent.Count)] with { Arrival = arrival };
        }

        // Half in order, most of the rest behind by minutes, some by more than a view allows.
        long behind = random.Next(8) switch { < 4 => 0, < 7 => random.Next(300), _ => random.Next(5_000) };
        long id = random.Next(10) < 8 ? (turn * 1_000) + random.Next(1_000) : random.Next(turn * 1_000, (turn * 1_000) + 1_000);
        Push insert = Transactions.Insert(id, (turn * SecondsPerTurn) + random.Next(SecondsPerTurn) - behind, $"c{random.Next(5)}", $"t{random.Next(3)}", random.Next(-20, 200) / 4.0) with { Arrival = arrival };
        return random.Next(10) switch
        {
            0 => (sent.Count > 0 ? Transactions.Delete(sent[random.Next(sent.Count)].Fields[0].Int64) : Transactions.Delete(id)) with { Arrival = arrival },
            1 => insert with { Operation = EventOperation.Upsert },
            2 when sent.Count > 0 => insert with { Operation = EventOperation.Upsert, Fields = [sent[random.Next(sent.Count)].Fields[0], .. insert.Fields[1..]] },
            _ => insert,
        };
    }

    /// <summary>All of a turn's events arrive at one instant, later than any event time.</summary>
    private static long Arrival(int turn) => 100_000 + turn;

    /// <summary>Every kind of window and of aggregate, filters, a delay, and views that allow different lateness.</summary>
    private static Catalog ManyWindows()
    {
        FeatureDefinition[] features =
        [
            new("count_1m", "count", new Duration(60_000_000), Duration.Zero, null, Value.Null),
            new("sum_10m", "sum(amount)", new Duration(600_000_000), Duration.Zero, null, Value.Null),
            new("mean_1h", "mean(amount)", new Duration(3_600_000_000), Duration.Zero, null, Value.Null),
            new("least_10m", "min(amount)", new Duration(600_000_000), Duration.Zero, "amount > 10", Value.Null),
            new("most_before", "max(amount)", new Duration(600_000_000), new Duration(300_000_000), null, Value.Null),
            new("spread_1h", "stddev_pop(amount)", new Duration(3_600_000_000), Duration.Zero, null, Value.Null),
            new("last3_1h", "last_n(amount, 3)", new Duration(3_600_000_000), Duration.Zero, null, Value.Null),
            new("where_1h", "distinct_count(terminal_id)", new Duration(3_600_000_000), Duration.Zero, null, Value.Null),
            new("who_1h", "distinct_count(customer_id)", new Duration(3_600_000_000), Duration.Zero, null, Value.Null),
            new("median_10m", "median(amount)", new Duration(600_000_000), Duration.Zero, null, Value.Null),
            new("today", "count", WindowDefinition.Tumbling(new Duration(3_600_000_000)), Duration.Zero, null, Value.Null),
            new("visit", "count", WindowDefinition.Session(new Duration(90_000_000)), Duration.Zero, null, Value.Null),
            new("newest", "sum(amount)", WindowDefinition.Last(7), Duration.Zero, null, Value.Null),
            new("ever", "count", WindowDefinition.Lifetime, Duration.Zero, null, Value.Null),
        ];
        return Transactions.Compile(
            [new EntityDefinition("customer", ["customer_id"]), new EntityDefinition("terminal", ["terminal_id"])],
            [
                new FeatureViewDefinition("customer_all", 1, "customer", "transactions", null, [.. features]),
                new FeatureViewDefinition("customer_prompt", 1, "customer", "transactions", null, [.. features[..4]]) { AllowedLateness = new Duration(600_000_000) },
                new FeatureViewDefinition("terminal_paid", 1, "terminal", "transactions", "amount > 0", [.. features]),
                new FeatureViewDefinition("customer_lately", 1, "customer", "transactions", "amount > 20", [.. features[..3]]) { Ttl = new Duration(240_000_000), AllowedLateness = new Duration(600_000_000) },
                new FeatureViewDefinition("terminal_lately", 1, "terminal", "transactions", null, [.. features[..3]]) { Ttl = new Duration(60_000_000) },
                new FeatureViewDefinition("terminal_hour", 1, "terminal", "transactions", null, [.. features[1..8]]) { AllowedLateness = new Duration(3_600_000_000) },
            ]);
    }
}
