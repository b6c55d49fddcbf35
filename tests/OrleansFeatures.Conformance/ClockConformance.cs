using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Conformance;

/// <summary>The clock on the wall is set by a day, back or forth, under a running store. Only that clock: what measures how long things take goes on.</summary>
public abstract class ClockConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly Duration Hour = new(3_600_000_000);

    [Fact]
    public async Task Set_back_a_day_the_store_takes_events_whose_producers_have_the_right_time()
    {
        await using ConformanceStore store = await OpenAsync();
        (await store.PushAsync(Present(store, 1))).ShouldBe([IntakeResult.Accepted]);
        store.Clock.Set(-Day);
        (await store.PushAsync(Present(store, 2, later: Day + TimeSpan.FromMinutes(1)))).ShouldBe([IntakeResult.Accepted]);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(1, -1)]
    [InlineData(-1, 1)]
    [InlineData(1, 1)]
    public async Task Arrivals_never_go_back_so_what_is_known_at_one_is_what_came_until_then(int firstDays, int thenDays)
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(terminals: false));
        await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 1));
        store.Clock.Set(firstDays * Day);
        await store.PushAsync(Transactions.Of(2, 0, "ann", "t1", 1));
        await store.RestartAsync();
        await store.PushAsync(Transactions.Of(3, 0, "ann", "t1", 1));
        store.Clock.Set(thenDays * Day);
        await store.PushAsync(Transactions.Of(4, 0, "ann", "t1", 1));

        EventTime[] arrivals = [.. (await store.RecordsAsync()).Select(record => EventRecord.Parse(record).Arrival)];
        arrivals.ShouldBeInOrder();
        foreach (EventTime arrival in arrivals)
        {
            (await CountAsync(store, arrival)).ShouldBe(arrivals.Count(other => other <= arrival), $"known at {arrival}");
        }

        (await CountAsync(store, EventTime.Never)).ShouldBe(4);
    }

    [Fact]
    public async Task A_stated_arrival_is_in_the_past_by_the_arrivals_of_the_store()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 1));
        EventTime hourAgo = EventTime.From(store.Clock.GetUtcNow().AddHours(-1));
        store.Clock.Set(-Day);
        (await store.PushAsync(new Push(Transactions.Of(2, 0, "ann", "t1", 1), Arrival: hourAgo)))[0].Result.ShouldBe(IntakeResult.Accepted);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task A_producer_that_pauses_for_a_moment_is_not_idle_because_the_clock_was_set(int days)
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(customerLateness: Hour));
        await store.PushAsync(new Push(Transactions.Of(1, 0, "ann", "t1", 1), Producer: "slow"), new Push(Transactions.Of(2, 7_200, "ann", "t1", 1), Producer: "fast"));
        store.Clock.Set(days * Day);
        (await store.PushAsync(new Push(Transactions.Of(3, 0, "ann", "t1", 1), Producer: "fast")))[0].Result.ShouldBe(IntakeResult.Accepted);
        store.Clock.Advance(Limits.ProducerIdleAfter);
        (await store.PushAsync(new Push(Transactions.Of(4, 0, "ann", "t1", 1), Producer: "fast")))[0].Result.ShouldBe(IntakeResult.Late);
    }

    /// <summary>Commits wait for one another by what is measured, and reads for what is applied.</summary>
    [Fact]
    public async Task A_store_under_load_neither_hangs_nor_refuses_when_the_clock_jumps_about()
    {
        await using ConformanceStore store = await OpenAsync();
        Task<IntakeResult[]>[] pushes = [.. Enumerable.Range(0, 8).Select(producer => Task.Run(() => PushManyAsync(store, producer), Cancel))];
        Task<IntakeResult[][]> all = Task.WhenAll(pushes);
        for (int jump = 0; !all.IsCompleted; jump++)
        {
            store.Clock.Set(jump % 2 == 0 ? Day : -Day);
            await Task.Yield();
        }

        (await all).ShouldAllBe(results => results.All(result => result == IntakeResult.Accepted));
    }

    private static async Task<IntakeResult[]> PushManyAsync(ConformanceStore store, int producer)
    {
        List<IntakeResult> results = [];
        for (int number = 0; number < 100; number++)
        {
            results.AddRange(await store.PushAsync(Present(store, (producer * 1_000) + number)));
        }

        return [.. results];
    }

    /// <summary>An event that happens now by a clock that is right, which the store's may not be.</summary>
    private static Value[] Present(ConformanceStore store, long id, TimeSpan later = default)
    {
        Value[] fields = Transactions.Of(id, 0, "ann", "t1", 1);
        fields[1] = Value.Of(EventTime.From(store.Clock.GetUtcNow() + later));
        return fields;
    }

    private static async Task<long> CountAsync(ConformanceStore store, EventTime knownAt)
    {
        FeatureRead read = store.Question("customer", Transactions.At(5), "ann");
        read.KnownAt[0] = knownAt;
        await store.Host.ReadAsync(read, Cancel);
        return read.Values[0].Scalar.Int64;
    }
}
