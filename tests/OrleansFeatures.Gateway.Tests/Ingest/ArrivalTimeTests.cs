using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Ingest;

/// <summary>Events that say when they arrived: whose word is taken, and what reads make of it.</summary>
public sealed class ArrivalTimeTests
{
    private const long Hour = 3_600 * Clicks.Second;

    [Fact]
    public async Task An_event_is_known_from_its_stated_arrival_on()
    {
        await using RunningStore store = await RunningStore.StartAsync(backfillProducers: "history");
        PushRequest push = Clicks.Columns(0, 3);
        push.Producer = "history";
        push.ArrivalTimeMicros.AddRange([Clicks.Midnight + Hour, 0, Clicks.Midnight + (2 * Hour)]);
        PushResponse pushed = await store.Ingest.PushAsync(push, cancellationToken: RunningStore.Cancelled);
        pushed.Accepted.ShouldBe(3ul);

        GetFeaturesRequest ask = Clicks.Ask("ada", 100, pushed.Token, "user_stats:n");
        ask.Keys[0].Strings.AddRange(["ada", "ada", "ada"]);
        ask.KnownAtMicros.AddRange([Clicks.Midnight + Hour - 1, Clicks.Midnight + Hour, Clicks.Midnight + (3 * Hour), long.MaxValue]);
        GetFeaturesResponse read = await store.Features.GetFeaturesAsync(ask, cancellationToken: RunningStore.Cancelled);
        read.Rows.Int64S.ShouldBe([0, 1, 2, 3], "the event without a stated arrival came just now");
    }

    [Fact]
    public async Task Training_rows_are_read_as_they_were_known()
    {
        await using RunningStore store = await RunningStore.StartAsync(backfillProducers: "*");
        PushRequest push = Clicks.Columns(0, 2);
        push.ArrivalTimeMicros.AddRange([Clicks.Midnight + Hour, Clicks.Midnight + (2 * Hour)]);
        await store.Ingest.PushAsync(push, cancellationToken: RunningStore.Cancelled);
        using var call = store.Features.GetTrainingFeatures(cancellationToken: RunningStore.Cancelled);
        var ask = new TrainingRequest { What = Clicks.List("user_stats:n"), Keys = { Clicks.Keys("user", "ada", "ada") }, AsOfMicros = { Clicks.Midnight + Hour }, KnownAtMicros = { Clicks.Midnight + Hour, long.MaxValue } };
        ask.AsOfMicros.Add(Clicks.Midnight + Hour);
        await call.RequestStream.WriteAsync(ask, RunningStore.Cancelled);
        await call.RequestStream.CompleteAsync();
        List<long> found = [];
        while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
            found.AddRange(call.ResponseStream.Current.Rows?.Int64S ?? []);
        }

        found.ShouldBe([1, 2]);
    }

    [Fact]
    public async Task A_producer_without_the_right_is_refused_event_by_event_and_the_others_go_in()
    {
        await using RunningStore store = await RunningStore.StartAsync(backfillProducers: "history");
        PushRequest push = Clicks.Columns(0, 4);
        push.Producers.AddRange(["history", "till"]);
        push.ProducerOfEvent.AddRange([0, 1, 1, 1]);
        push.ArrivalTimeMicros.AddRange([Clicks.Midnight, Clicks.Midnight, 0, -5]);
        PushResponse pushed = await store.Ingest.PushAsync(push, cancellationToken: RunningStore.Cancelled);
        pushed.Results.ShouldBe([EventResult.Accepted, EventResult.Quarantined, EventResult.Accepted, EventResult.Quarantined]);
        pushed.Refusals[0].Field.ShouldBe("arrival_time");
        pushed.Refusals[0].Reason.ShouldBe("producer 'till' has no right to state when events arrived");
        pushed.Refusals[0].Fix.ShouldBe("leave the arrival time out (the event then arrives now), or start the server with --backfill-producer 'till'");
        pushed.Refusals[1].Reason.ShouldStartWith("-5 is not between 1970-01-01 and 2100-01-01");
        ListQuarantineResponse kept = await store.Admin.ListQuarantineAsync(new ListQuarantineRequest(), cancellationToken: RunningStore.Cancelled);
        kept.Events[1].EventJson.ShouldStartWith("{\"@arrival_time\":\"2018-04-01T00:00:00Z\",\"id\":1,");
    }

    [Fact]
    public void Everyone_includes_events_without_a_producer_and_nobody_includes_none()
    {
        new BackfillRight(["*"]).Refuse([]).ShouldBeNull();
        new BackfillRight(["a", "b"]).Refuse("b"u8).ShouldBeNull();
        new BackfillRight(["a", "b"]).Refuse([])!.Reason.ShouldStartWith("an event without a producer has no right");
        BackfillRight.Nobody.Refuse("a"u8).ShouldNotBeNull();
    }
}
