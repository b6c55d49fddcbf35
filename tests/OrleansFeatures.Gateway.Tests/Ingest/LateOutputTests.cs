using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Ingest;

public sealed class LateOutputTests
{
    private const long Minute = 60 * Clicks.Second;

    /// <summary>A view that waits for nobody longer than a minute, one that waits for ten, one that takes what comes.</summary>
    private const string Views = """
        apiVersion: orleansfeatures/v1
        streams:
          - {name: clicks, version: 1, event_id: id, event_time: at, fields: {id: int64, at: timestamp, user: string}}
        entities:
          - {name: user, key: [user]}
        feature_views:
          - {name: strict, entity: user, stream: clicks, allowed_lateness: 1m, features: [{name: n, aggregate: count, window: 1d}]}
          - {name: patient, entity: user, stream: clicks, allowed_lateness: 10m, features: [{name: n, aggregate: count, window: 1d}]}
          - {name: open, entity: user, stream: clicks, features: [{name: n, aggregate: count, window: 1d}]}
        """;

    [Fact]
    public async Task An_event_counts_for_the_views_that_still_take_it_and_the_late_output_names_the_others()
    {
        await using RunningStore store = await RunningStore.StartAsync(Views);
        PushResponse pushed = await store.Ingest.PushAsync(Push((1, 3_600), (2, 3_541), (3, 3_539), (4, 600)), cancellationToken: RunningStore.Cancelled);
        pushed.Results.ShouldBe([EventResult.Accepted, EventResult.Accepted, EventResult.Late, EventResult.Late]);

        GetFeaturesResponse read = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 3_600, pushed.Token, "strict:n", "patient:n", "open:n"), cancellationToken: RunningStore.Cancelled);
        read.Rows.Int64S.ShouldBe([2, 3, 4]);

        ListLateResponse late = await store.Admin.ListLateAsync(new ListLateRequest { Stream = "clicks" }, cancellationToken: RunningStore.Cancelled);
        late.Total.ShouldBe(2ul);
        late.Events.Select(each => string.Join(' ', each.Views.Select(view => $"{view.View}:{view.AllowedLatenessMicros / Minute}"))).ShouldBe(["strict:1 patient:10", "strict:1"]);
        late.Events[0].EventJson.ShouldBe("{\"id\":4,\"at\":\"2018-04-01T00:10:00Z\",\"user\":\"ada\"}");
        (late.Events[0].EventTimeMicros, late.Events[0].StreamTimeMicros).ShouldBe((Clicks.Midnight + (10 * Minute), Clicks.Midnight + (60 * Minute)));
        GetStatusResponse status = await store.Admin.GetStatusAsync(new GetStatusRequest(), cancellationToken: RunningStore.Cancelled);
        (status.Streams[0].Accepted, status.Streams[0].Late, status.Streams[0].LateKept).ShouldBe((4ul, 2ul, 2ul));
    }

    [Fact]
    public async Task A_late_event_that_comes_again_is_a_duplicate_and_kept_once()
    {
        await using RunningStore store = await RunningStore.StartAsync(Views);
        await store.Ingest.PushAsync(Push((1, 3_600), (2, 0)), cancellationToken: RunningStore.Cancelled);
        (await store.Ingest.PushAsync(Push((2, 0)), cancellationToken: RunningStore.Cancelled)).Results.ShouldBe([EventResult.Duplicate]);
        (await store.Admin.ListLateAsync(new ListLateRequest(), cancellationToken: RunningStore.Cancelled)).Total.ShouldBe(1ul);
    }

    [Fact]
    public async Task An_event_older_than_every_window_is_kept_without_a_view()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 200 * 86_400L), Clicks.Row(2, 0)), cancellationToken: RunningStore.Cancelled);
        ListLateResponse late = await store.Admin.ListLateAsync(new ListLateRequest(), cancellationToken: RunningStore.Cancelled);
        late.Events.ShouldHaveSingleItem().Views.ShouldBeEmpty();
        late.Events[0].EventTimeMicros.ShouldBe(Clicks.Midnight);
        (await store.Admin.ListLateAsync(new ListLateRequest { Stream = "other" }, cancellationToken: RunningStore.Cancelled)).Total.ShouldBe(0ul);
    }

    private static PushRequest Push(params (long Id, long Seconds)[] events)
    {
        var push = new PushRequest { Stream = "clicks", Rows = new RowEvents() };
        push.Rows.Rows.AddRange(events.Select(each => new EventRow { Values = { Clicks.Of(each.Id), Clicks.At(Clicks.Midnight + (each.Seconds * Clicks.Second)), Clicks.Of("ada") } }));
        return push;
    }
}
