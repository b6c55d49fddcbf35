using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Explanations;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Conformance;

/// <summary>Values beside the events that they come from, as the log has them.</summary>
public abstract class ExplainConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    private static readonly Duration Hour = new(3_600_000_000);

    [Fact]
    public async Task Each_event_of_the_entity_has_its_reason_its_place_and_its_value()
    {
        await using ConformanceStore store = await OpenAsync(Strict());
        await store.PushAsync(Transactions.Insert(1, 100, "c1", "t1", 20), Transactions.Insert(2, 1_000, "c1", "t1", 21), Transactions.Insert(3, 1_500, "c1", "t1", 5));
        await store.PushAsync(Transactions.Insert(4, 2_000, "c1", "t1", 30), Transactions.Insert(5, 2_500, "c1", "t1", 50), Transactions.Insert(90, 2_500, "c2", "t1", 500));
        await store.PushAsync(Transactions.Upsert(4, 2_100, "c1", "t1", 40));
        await store.PushAsync(Transactions.Delete(5));
        await store.PushAsync(Transactions.Insert(6, 3_900, "c1", "t1", 11));
        await store.PushAsync(Transactions.Insert(7, 3_000, "c1", "t1", 60), Transactions.Insert(8, 4_500, "c1", "t1", 80));

        ExplainedValue sum = (await ExplainAsync(store.Host, "c1", Transactions.At(4_000))).Single(value => value.Log.Feature.Name == "sum");

        sum.Live.ShouldBe(FeatureValue.Of(Value.Of(72.0)));
        sum.Log.Recomputed.ShouldBe(sum.Live);
        (sum.Log.AfterMicros, sum.Log.ThroughMicros).ShouldBe((Transactions.At(400).Micros, Transactions.At(4_000).Micros));
        sum.Log.Events.Select(Said).ShouldBe(
        [
            "8 4500 AfterWindow null", "6 3900 None 11", "7 3000 TooLate 60", "5 2500 Superseded 50", "4 2100 None 40", "4 2000 Superseded 30", "3 1500 Filtered 5", "2 1000 None 21", "1 100 BeforeWindow null",
        ]);
        sum.Log.Counts.ShouldBe(
            new Dictionary<Exclusion, long>
            {
                [Exclusion.None] = 3, [Exclusion.Superseded] = 2, [Exclusion.Filtered] = 1, [Exclusion.TooLate] = 1, [Exclusion.BeforeWindow] = 1, [Exclusion.AfterWindow] = 1,
            },
            ignoreOrder: true);
        await ShouldLieWhereItSaysAsync(store, sum);
        ExplainedEvent corrected = sum.Log.Events.Single(told => told.Id == Value.Of(4L) && told.Operation == EventOperation.Upsert);
        sum.Log.Events.Single(told => told.Id == Value.Of(4L) && told.Operation == EventOperation.Insert).SupersededBy.ShouldBe(corrected.Place.Sequence);
    }

    [Fact]
    public async Task What_had_not_arrived_by_then_is_told_apart_and_what_was_corrected_later_counts()
    {
        await using ConformanceStore store = await OpenAsync(Strict());
        await store.PushAsync(Transactions.Insert(1, 1_000, "c1", "t1", 20) with { Arrival = Transactions.At(1_001) }, Transactions.Insert(2, 1_100, "c1", "t1", 30) with { Arrival = Transactions.At(1_101) });
        await store.PushAsync(Transactions.Upsert(1, 1_000, "c1", "t1", 25) with { Arrival = Transactions.At(2_000) });
        await store.PushAsync(Transactions.Insert(3, 1_200, "c1", "t1", 40) with { Arrival = Transactions.At(2_001) });

        ExplainedValue sum = (await ExplainAsync(store.Host, "c1", Transactions.At(1_500), Transactions.At(1_500))).Single(value => value.Log.Feature.Name == "sum");

        sum.Live.ShouldBe(FeatureValue.Of(Value.Of(50.0)));
        sum.Log.Recomputed.ShouldBe(sum.Live);
        sum.Log.Events.Select(Said).ShouldBe(["3 1200 NotYetKnown 40", "2 1100 None 30", "1 1000 NotYetKnown 25", "1 1000 None 20"]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Whatever_came_the_events_that_count_give_the_served_value(int seed)
    {
        await using ConformanceStore store = await OpenAsync(AllWindows());
        var random = new Random(seed);
        for (int batch = 0; batch < 12; batch++)
        {
            await store.PushAsync([.. Enumerable.Range(0, Some(60)).Select(_ => Draw(random, batch)).DistinctBy(push => push.Fields[0])]);
            if (batch == 7)
            {
                await store.Host.CheckpointAsync(Cancel);
                await store.RestartAsync();
            }
        }

        var met = new HashSet<Exclusion>();
        for (int customer = 0; customer < 5; customer++)
        {
            foreach (IEntityHost entry in store.Entries.Distinct())
            {
                await entry.WaitAllAppliedAsync();
                EventTime asOf = Transactions.At(random.Next(2_000, 8_000));
                foreach (ExplainedValue value in await ExplainAsync(entry, $"c{customer}", asOf))
                {
                    string context = $"seed {seed}: {value.Log.Feature.Reference} of c{customer} as of {asOf}";
                    value.Agreement.ShouldBe(Agreement.Agrees, $"{context}: served {value.Live.Show()}, recomputed {value.Log.Recomputed.Show()}");
                    met.UnionWith(value.Log.Counts.Keys);
                }
            }
        }

        if (TStores.Scale >= 1)
        {
            // A shorter stream may miss some fate.
            met.ShouldBe(Enum.GetValues<Exclusion>().Except([Exclusion.NotYetKnown, Exclusion.NoValue]), ignoreOrder: true, $"seed {seed}: the stream has some of everything");
        }
    }

    [Fact]
    public async Task While_events_keep_coming_an_explanation_is_of_the_state_that_answered()
    {
        await using ConformanceStore store = await OpenAsync(AllWindows());
        using var enough = new CancellationTokenSource();
        long pushed = 0;
        Task pushing = Task.Run(
            async () =>
            {
                for (long id = 0; !enough.IsCancellationRequested; id += 10)
                {
                    await store.PushAsync([.. Enumerable.Range(0, 10).Select(step => Transactions.Insert(id + step, 1_000 + ((id + step) % 500), "c1", "t1", step))]);
                    Interlocked.Add(ref pushed, 10);
                }
            },
            Cancel);

        // Explained again and again while they come: at least ten times, and until there are some hundred.
        for (int run = 0; run < 10 || Interlocked.Read(ref pushed) < Some(300); run++)
        {
            IReadOnlyList<ExplainedValue> values = await ExplainAsync(store.Host, "c1", Transactions.At(1_500));
            ExplainedValue count = values.Single(value => value.Log.Feature.Name == "count");
            count.Log.Recomputed.ShouldBe(count.Live);
            (count.State.StateVersion == 0 ? 0 : count.Live.Scalar.Int64).ShouldBe(count.Log.Counts.GetValueOrDefault(Exclusion.None));
            Cancel.ThrowIfCancellationRequested();
            pushing.IsFaulted.ShouldBeFalse();
        }

        await enough.CancelAsync();
        await pushing;
    }

    [Fact]
    public async Task An_entity_that_was_never_seen_is_explained_by_nothing()
    {
        await using ConformanceStore store = await OpenAsync(Strict());
        await store.PushAsync(Transactions.Insert(1, 100, "c1", "t1", 20));
        foreach (ExplainedValue value in await ExplainAsync(store.Host, "nobody", Transactions.At(1_000)))
        {
            (value.State.StateVersion, value.Log.Events.Count, value.Log.Counts.Count).ShouldBe((0, 0, 0));
            value.Log.Recomputed.ShouldBe(value.Live);
        }
    }

    private static string Said(ExplainedEvent told) => $"{told.Id} {(told.Time.Micros - Transactions.Start.Micros) / 1_000_000} {told.Exclusion} {told.Value}";

    private static async Task ShouldLieWhereItSaysAsync(ConformanceStore store, ExplainedValue value)
    {
        List<byte[]> records = await store.RecordsAsync();
        foreach (ExplainedEvent told in value.Log.Events)
        {
            EventRecord record = EventRecord.Parse(records[(int)told.Place.Sequence]);
            (record.IdNumber, record.Time, record.Arrival).ShouldBe((told.Id.Int64, told.Time, told.Arrival));
            told.Place.Partition.ShouldBe(value.Partition.Value);
            told.Place.Offset.ShouldBeLessThan(value.State.StateVersion);
        }

        value.Log.Events.Max(told => told.Place.Offset).ShouldBe(value.State.StateVersion - 1);
    }

    private static async Task<IReadOnlyList<ExplainedValue>> ExplainAsync(IEntityHost host, string customer, EventTime asOf, EventTime? knownAt = null)
    {
        FeatureRead read = host.Question("customer", asOf, customer);
        read.KnownAt[0] = knownAt ?? EventTime.Never;
        return await host.ExplainAsync(read, 1_000, Cancel);
    }

    private static Push Draw(Random random, int batch)
    {
        long behind = random.Next(4) == 0 ? random.Next(3_000) : 0;
        Push insert = Transactions.Insert((batch * 1_000) + random.Next(1_000), (batch * 600) + random.Next(600) - behind, $"c{random.Next(4)}", "t1", random.Next(-20, 200) / 4.0);
        return random.Next(10) switch
        {
            0 => Transactions.Delete(random.Next((batch * 1_000) + 1)),
            1 => insert with { Operation = EventOperation.Upsert, Fields = [Value.Of((long)random.Next((batch * 1_000) + 1_000)), .. insert.Fields[1..]] },
            _ => insert,
        };
    }

    private static Catalog Strict() => Transactions.Compile(
        [new EntityDefinition("customer", ["customer_id"])],
        [
            new FeatureViewDefinition(
                "spend", 1, "customer", "transactions", "amount > 10",
                [new("count", "count", Hour, Duration.Zero, null, Value.Null), new("sum", "sum(amount)", Hour, Duration.Zero, null, Value.Null)]) { AllowedLateness = new Duration(600_000_000) },
        ]);

    private static Catalog AllWindows()
    {
        FeatureDefinition[] features =
        [
            new("count", "count", Hour, Duration.Zero, null, Value.Null),
            new("before", "max(amount)", new Duration(600_000_000), new Duration(300_000_000), null, Value.Null),
            new("spread", "stddev_pop(amount)", Hour, Duration.Zero, "amount > 10", Value.Null),
            new("last3", "last_n(amount, 3)", Hour, Duration.Zero, null, Value.Null),
            new("today", "sum(amount)", WindowDefinition.Tumbling(Hour), Duration.Zero, null, Value.Null),
            new("visit", "count", WindowDefinition.Session(new Duration(90_000_000)), Duration.Zero, null, Value.Null),
            new("newest", "sum(amount)", WindowDefinition.Last(7), Duration.Zero, null, Value.Null),
            new("ever", "mean(amount)", WindowDefinition.Lifetime, Duration.Zero, null, Value.Null),
            new("where", "count", Hour, Duration.Zero, null, Value.Null) { By = "terminal_id" },
        ];
        return Transactions.Compile(
            [new EntityDefinition("customer", ["customer_id"])],
            [
                new FeatureViewDefinition("all", 1, "customer", "transactions", null, [.. features]),
                new FeatureViewDefinition("prompt", 1, "customer", "transactions", null, [.. features[2..4]]) { AllowedLateness = new Duration(300_000_000) },
            ]);
    }
}
