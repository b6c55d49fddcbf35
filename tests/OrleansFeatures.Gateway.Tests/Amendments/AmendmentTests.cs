using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Amendments;

public sealed class AmendmentTests
{
    [Fact]
    public async Task A_late_event_amends_what_was_served_from_what_to_what()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, Clicks.Row(1, 1, amount: 5));
        GetFeaturesResponse served = await AskAsync(store, "p", "ada", 10);
        await PushAsync(store, Clicks.Row(2, 9, amount: 7));
        await using var listener = new AmendmentListener(store.Features);
        Amendment amendment = (await listener.TakeAsync(1))[0];
        amendment.Sequence.ShouldBe(1ul);
        (amendment.PredictionId, amendment.Selection, amendment.AsOfMicros).ShouldBe(("p", "user_stats:n, user_stats:total, user_stats:note", Clicks.Midnight + (10 * Clicks.Second)));
        amendment.Keys.ShouldBe([Clicks.Keys("user", "ada")]);
        amendment.AmendedAtMicros.ShouldBeGreaterThanOrEqualTo(amendment.ServedAtMicros);
        amendment.Features.Select(feature => feature.Name).ShouldBe(["user_stats:n", "user_stats:total"], "the note has not changed");
        amendment.Features[0].ShouldBe(Changed("user_stats:n", Clicks.Of(1), Clicks.Of(1), Clicks.Of(2)));
        amendment.Features[1].ShouldBe(Changed("user_stats:total", Clicks.Of(5.0), Clicks.Of(5.0), Clicks.Of(12.0)));
        served.Rows.Doubles.ShouldBe([5.0]);
        (amendment.Cause.Entity, amendment.Cause.Stream, amendment.Cause.Operation, amendment.Cause.EventTimeMicros).ShouldBe(("user", "clicks", Operation.Insert, Clicks.Midnight + (9 * Clicks.Second)));
    }

    [Fact]
    public async Task Corrections_and_deletes_amend_and_each_amendment_begins_where_the_last_one_ended()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, Clicks.Row(1, 1, amount: 5));
        await AskAsync(store, "p", "ada", 10);
        await using var listener = new AmendmentListener(store.Features);
        await PushAsync(store, Operation.Upsert, Clicks.Row(1, 2, amount: 6));
        (await listener.TakeAsync(1))[0].Features.ShouldBe([Changed("user_stats:total", Clicks.Of(5.0), Clicks.Of(5.0), Clicks.Of(6.0))]);
        await PushAsync(store, Operation.Upsert, Clicks.Row(1, 20, amount: 6));
        Amendment moved = (await listener.TakeAsync(1))[0];
        moved.Features[0].ShouldBe(Changed("user_stats:n", Clicks.Of(1), Clicks.Of(1), Clicks.Of(0)));
        moved.Features[1].Was.Scalar.ShouldBe(Clicks.Of(6.0));
        moved.Features[1].Is.Status.ShouldBe(FeatureStatus.NullValue);
        await PushAsync(store, Clicks.Row(2, 3, amount: 1));
        (await listener.TakeAsync(1))[0].Features[0].ShouldBe(Changed("user_stats:n", Clicks.Of(1), Clicks.Of(0), Clicks.Of(1)));
        await PushAsync(store, Operation.Delete, Clicks.Row(2, 3));
        Amendment deleted = (await listener.TakeAsync(1))[0];
        deleted.Features[0].ShouldBe(Changed("user_stats:n", Clicks.Of(1), Clicks.Of(1), Clicks.Of(0)));
        (deleted.Sequence, deleted.Cause.Operation).ShouldBe((4ul, Operation.Delete));
    }

    [Fact]
    public async Task What_happened_after_the_instant_or_to_somebody_else_amends_nothing()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, Clicks.Row(1, 1));
        await AskAsync(store, "ada at 10", "ada", 10);
        await AskAsync(store, "bob at 10", "bob", 10);
        await PushAsync(store, Clicks.Row(2, 11), Clicks.Row(3, 5, user: "eve"), Clicks.Row(4, 12, user: "bob"));
        await PushAsync(store, Clicks.Row(5, 10, user: "bob"));
        await using var listener = new AmendmentListener(store.Features);
        Amendment only = (await listener.TakeAsync(1))[0];
        (only.PredictionId, only.Sequence).ShouldBe(("bob at 10", 1ul));
        only.Features[0].ShouldBe(Changed("user_stats:n", Clicks.Of(0), Clicks.Of(0), Clicks.Of(1)));
        (only.Features[1].Was.Status, only.Features[1].Is.Scalar).ShouldBe((FeatureStatus.NotFound, Clicks.Of(1.0)), "that it became known in between is no amendment");
    }

    [Fact]
    public async Task A_restart_loses_nothing_and_repeats_nothing()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, Clicks.Row(1, 1));
        await AskAsync(store, "p", "ada", 10);
        await PushAsync(store, Clicks.Row(2, 2));
        await using (var before = new AmendmentListener(store.Features))
        {
            await before.TakeAsync(1);
        }

        await store.RestartAsync();
        await AskAsync(store, "q", "ada", 10);
        await PushAsync(store, Clicks.Row(3, 3));
        await using var listener = new AmendmentListener(store.Features, new SubscribeAmendmentsRequest { ResumeAfter = 1 });
        List<Amendment> two = await listener.TakeAsync(2);
        two.Select(amendment => (amendment.Sequence, amendment.PredictionId)).OrderBy(pair => pair.PredictionId).ShouldBe([(two[0].PredictionId == "p" ? 2ul : 3ul, "p"), (two[0].PredictionId == "q" ? 2ul : 3ul, "q")]);
        two.Single(amendment => amendment.PredictionId == "p").Features[0].ShouldBe(Changed("user_stats:n", Clicks.Of(1), Clicks.Of(2), Clicks.Of(3)));
        await using var all = new AmendmentListener(store.Features, new SubscribeAmendmentsRequest { PredictionIdPrefix = "p" });
        (await all.TakeAsync(2)).Select(amendment => amendment.Sequence).ShouldBe([1ul, two.Single(amendment => amendment.PredictionId == "p").Sequence]);
    }

    [Fact]
    public async Task Places_that_are_not_of_this_store_are_refused()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await using var ahead = new AmendmentListener(store.Features, new SubscribeAmendmentsRequest { ResumeAfter = 5 });
        RpcException refused = await Should.ThrowAsync<RpcException>(() => ahead.TakeAsync(1));
        (refused.StatusCode, refused.Status.Detail).ShouldBe((StatusCode.OutOfRange, "resume_after: the newest amendment is 0; hand back a `through` of this store, or 0 for everything that is kept"));
    }

    [Fact]
    public async Task The_stream_ends_with_the_server()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        await using var listener = new AmendmentListener(new FeatureService.FeatureServiceClient(store.Channel), new SubscribeAmendmentsRequest { FromNow = true });
        (await listener.NextAsync()).Through.ShouldBe(0ul);
        Task<List<Amendment>> waiting = listener.TakeAsync(1);
        store.BeginStop();
        (await Should.ThrowAsync<RpcException>(() => waiting)).StatusCode.ShouldBe(StatusCode.Unavailable);
    }

    [Fact]
    public async Task Definitions_that_change_retire_predictions_and_those_of_others_do_not()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, Clicks.Row(1, 1));
        await AskAsync(store, "kept", "ada", 10);
        GetFeaturesRequest shop = new() { What = Clicks.List("shop_stats:n"), Keys = { Clicks.Keys("shop", 1) }, AsOfMicros = { Clicks.Midnight + (10 * Clicks.Second) }, PredictionIds = { "retired" } };
        await store.Features.GetFeaturesAsync(shop, cancellationToken: RunningStore.Cancelled);
        var files = new ApplyRequest { AllowBreaking = true };
        files.Files.Add(new DefinitionFile { Name = "everything.yaml", Content = Definitions.Everything.Replace("aggregate: count, window: 1h", "aggregate: count, window: 2h", StringComparison.Ordinal) });
        await store.Registry.ApplyAsync(files, cancellationToken: RunningStore.Cancelled);
        await PushAsync(store, Clicks.Row(2, 2));
        await using var listener = new AmendmentListener(store.Features);
        (await listener.TakeAsync(1))[0].PredictionId.ShouldBe("kept");
    }

    private static AmendedFeature Changed(string name, Value served, Value was, Value now) => new() { Name = name, Served = Present(served), Was = Present(was), Is = Present(now) };

    private static FeatureCell Present(Value value) => new() { Status = FeatureStatus.Present, Scalar = value };

    private static async Task<GetFeaturesResponse> AskAsync(RunningStore store, string id, string user, long seconds)
    {
        GetFeaturesRequest request = Clicks.Ask(user, seconds, null, "user_stats:n", "user_stats:total", "user_stats:note");
        request.PredictionIds.Add(id);
        return await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
    }

    private static Task PushAsync(RunningStore store, params EventRow[] rows) => PushAsync(store, Operation.Insert, rows);

    private static async Task PushAsync(RunningStore store, Operation operation, params EventRow[] rows)
    {
        PushRequest request = Clicks.Rows(rows);
        request.Operation = operation;
        PushResponse pushed = await store.Ingest.PushAsync(request, cancellationToken: RunningStore.Cancelled);
        await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 0, pushed.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
    }
}
