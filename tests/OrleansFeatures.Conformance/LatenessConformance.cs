using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Tests.RealData;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Conformance;

/// <summary>What is late, for whom, and what becomes of it.</summary>
public abstract class LatenessConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    private static readonly Duration Hour = new(3_600_000_000);

    [Fact]
    public async Task Stream_time_moves_within_a_batch_event_by_event()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(customerLateness: Hour));
        CorrectionOutcome[] outcomes = await store.PushAsync(Push(1, 0), Push(2, 3_600), Push(3, 0), Push(4, 3_601), Push(5, 0));

        outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Late]);
        outcomes.Select(outcome => outcome.Note.StreamTimeMicros).ShouldBe([Transactions.At(0).Micros, Transactions.At(3_600).Micros, Transactions.At(3_600).Micros, Transactions.At(3_601).Micros, Transactions.At(3_601).Micros]);
        outcomes[4].Note.LateViews.ToArray().Select(view => view.View).ShouldBe(["customer_spend"]);
        (await store.Host.HeardAsync(host => host.Status().Streams[0].Late, late => late == 1)).ShouldBe(1);
    }

    [Fact]
    public async Task A_view_ignores_what_is_too_late_for_it_live_in_history_and_after_a_restart_and_its_neighbour_does_not()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(customerLateness: Hour));
        await store.PushAsync(Push(1, 0), Push(2, 7_200), Push(3, 1));
        await CheckAsync();
        await store.RestartAsync();
        await CheckAsync();

        async Task CheckAsync()
        {
            foreach (bool history in (bool[])[false, true])
            {
                (await store.ReadAsync("customer", "ann", Transactions.At(5), history))["count"].Scalar.ShouldBe(Value.Of(1L));
                (await store.ReadAsync("terminal", "t1", Transactions.At(5), history))["count"].Scalar.ShouldBe(Value.Of(2L));
            }
        }
    }

    [Fact]
    public async Task The_slowest_active_producer_holds_stream_time_back_until_it_falls_silent()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(customerLateness: Hour));
        await store.PushAsync(Push(1, 0, "slow"), Push(2, 7_200, "fast"));
        (await store.PushAsync(Push(3, 0, "fast")))[0].Result.ShouldBe(IntakeResult.Accepted);
        store.Clock.Advance(Limits.ProducerIdleAfter);
        (await store.PushAsync(Push(4, 0, "fast")))[0].Result.ShouldBe(IntakeResult.Late);
    }

    [Fact]
    public async Task What_the_clock_had_seen_it_remembers_after_a_restart()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(customerLateness: Hour));
        await store.PushAsync(Push(1, 7_200, "fast"), Push(2, 3_700, "slow"));
        await store.RestartAsync();
        (await store.PushAsync(Push(3, 3_599, "fast")))[0].ShouldSatisfyAllConditions(
            outcome => outcome.Result.ShouldBe(IntakeResult.Late),
            outcome => outcome.Note.StreamTimeMicros.ShouldBe(Transactions.At(7_200).Micros));
    }

    [Fact]
    public async Task A_stream_that_feeds_a_window_of_the_last_events_has_no_event_too_old()
    {
        FeatureDefinition lastTen = new("last_ten", "count", WindowDefinition.Last(10), Duration.Zero, null, Value.Null);
        DefinitionSet definitions = Transactions.Catalog(terminals: false).Definitions;
        FeatureViewDefinition view = definitions.FeatureViews[0];
        Catalog catalog = Catalog.Compile(definitions with { FeatureViews = [view with { Features = [.. view.Features, lastTen] }] }, out _)!;
        await using ConformanceStore store = await OpenAsync(catalog);
        (await store.PushAsync(Push(1, 100 * 86_400), Push(2, 0))).ShouldAllBe(outcome => outcome.Result == IntakeResult.Accepted);
    }

    [Fact]
    public async Task An_event_far_ahead_of_its_arrival_is_refused_and_moves_nothing()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Push(1, 0));
        EventTime tooFar = new(EventTime.From(store.Clock.GetUtcNow()).Micros + Domain.Limits.EventAheadMaxMicros + 60_000_000);
        Value[] ahead = Transactions.Of(2, 0, "ann", "t1", 1);
        ahead[1] = Value.Of(tooFar);

        CorrectionOutcome refused = (await store.PushAsync(new Push(ahead)))[0];
        refused.Result.ShouldBe(IntakeResult.Refused);
        refused.Note.Refusal!.Field.ShouldBe("tx_time");
        refused.Note.Refusal.Fix.ShouldContain("check the producer's clock");
        (await store.PushAsync(Push(3, 0)))[0].Note.StreamTimeMicros.ShouldBe(Transactions.At(0).Micros);

        // A backfill is judged by the arrival that it states.
        (await store.PushAsync(new Push(Transactions.Of(4, 2 * 86_400, "ann", "t1", 1), Arrival: Transactions.At(0))))[0].Result.ShouldBe(IntakeResult.Refused);
        (await store.PushAsync(new Push(Transactions.Of(4, 86_400, "ann", "t1", 1), Arrival: Transactions.At(0))))[0].Result.ShouldBe(IntakeResult.Accepted);
    }

    [Fact]
    public async Task A_stated_arrival_is_kept_as_stated_and_a_stamped_one_is_whole_milliseconds_not_before_now()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(terminals: false));
        EventTime before = EventTime.From(store.Clock.GetUtcNow());
        await store.PushAsync(new Push(Transactions.Of(1, 0, "ann", "t1", 1), Arrival: new EventTime(Transactions.At(60).Micros + 7)), Push(2, 0));

        List<byte[]> records = await store.RecordsAsync();
        EventRecord.Parse(records[0]).Arrival.ShouldBe(new EventTime(Transactions.At(60).Micros + 7));
        EventTime stamped = EventRecord.Parse(records[1]).Arrival;
        (stamped.Micros % 1_000).ShouldBe(0);
        stamped.ShouldBeGreaterThanOrEqualTo(before);
    }

    [Fact]
    public async Task An_arrival_in_the_future_is_refused()
    {
        await using ConformanceStore store = await OpenAsync();
        EventTime tomorrow = EventTime.From(store.Clock.GetUtcNow().AddDays(1));
        CorrectionOutcome refused = (await store.PushAsync(new Push(Transactions.Of(1, 0, "ann", "t1", 1), Arrival: tomorrow)))[0];
        refused.Result.ShouldBe(IntakeResult.Refused);
        refused.Note.Refusal!.Field.ShouldBe("arrival_time");
    }

    [Fact]
    public async Task A_late_event_is_kept_in_history_and_said_to_be_late()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Of(1, 10 * 86_400, "ann", "t1", 1));
        (await store.PushAsync(Transactions.Of(2, 0, "bob", "t1", 1))).ShouldBe([IntakeResult.Late]);
        (await store.ReadAsync("customer", "bob", Transactions.At(0), history: true))["count"].Scalar.ShouldBe(Value.Of(1L));
        (await store.Host.HeardAsync(host => host.Status().Streams[0].Late, late => late == 1)).ShouldBe(1);
    }

    /// <summary>The stream's recipe says which events a consumer that allows an hour must refuse, and which copies are duplicates.</summary>
    [Fact]
    public async Task Of_a_stream_of_known_disorder_exactly_the_late_events_are_late()
    {
        Dictionary<long, bool> late = SharedData.Csv("stress_labels.csv.gz").ToDictionary(row => long.Parse(row["event_id"]), row => row["class"] == "too_late");
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(customerLateness: Hour));
        int lines = 0;
        foreach (System.Text.Json.JsonElement[] chunk in SharedData.JsonLines("stress_stream.jsonl.gz").Chunk(2_000))
        {
            CorrectionOutcome[] outcomes = await store.PushAsync([.. chunk.Select(line => new Push(
                [
                    Value.Of(line.GetProperty("event_id").GetInt64()), Value.Of(SharedData.Time(line.GetProperty("event_time").GetString()!)),
                    Value.Of(line.GetProperty("customer_id").GetInt64().ToString()), Value.Of(line.GetProperty("terminal_id").GetInt64().ToString()),
                    Value.Of(line.GetProperty("amount").GetDouble()),
                ],
                Producer: line.GetProperty("partition").GetInt32().ToString()))]);
            for (int index = 0; index < chunk.Length; index++, lines++)
            {
                if (outcomes[index].Result != IntakeResult.Duplicate)
                {
                    long id = chunk[index].GetProperty("event_id").GetInt64();
                    (outcomes[index].Result == IntakeResult.Late).ShouldBe(late[id], $"event {id}, line {lines}");
                }
            }
        }

        lines.ShouldBe(210_781);
        (await store.Host.HeardAsync(host => host.Status().Streams[0], stream => stream.Accepted == late.Count && stream.Duplicates == lines - late.Count)).ShouldSatisfyAllConditions(
            stream => stream.Accepted.ShouldBe(late.Count),
            stream => stream.Duplicates.ShouldBe(lines - late.Count),
            stream => stream.Late.ShouldBe(late.Values.Count(isLate => isLate)));
    }

    private static Push Push(long id, long seconds, string producer = "till") => new(Transactions.Of(id, seconds, "ann", "t1", 1), Producer: producer);
}
