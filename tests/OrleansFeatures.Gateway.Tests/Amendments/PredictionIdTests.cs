using Grpc.Core;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Amendments;

public sealed class PredictionIdTests
{
    [Fact]
    public async Task What_was_answered_under_a_name_is_durable_and_only_that()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1, amount: 5), Clicks.Row(2, 2, user: "bob")), cancellationToken: RunningStore.Cancelled);
        GetFeaturesRequest request = Clicks.Ask("ada", 10, pushed.Token, "user_stats:total", "user_stats:notes");
        request.Keys[0].Strings.AddRange(["bob", "eve"]);
        request.PredictionIds.AddRange(["for ada", "", "for eve"]);
        GetFeaturesResponse answer = await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        var observed = new ObserveAndGetRequest { Stream = "clicks", Event = Clicks.Row(3, 20), What = Clicks.Service("user_only"), PredictionId = "observed" };
        ObserveAndGetResponse after = await store.Features.ObserveAndGetAsync(observed, cancellationToken: RunningStore.Cancelled);
        await store.Features.ObserveAndGetAsync(observed, cancellationToken: RunningStore.Cancelled);
        await store.RestartAsync(whileClosed: () =>
        {
            using SqliteMetadata database = SqliteMetadata.Open(store.DataDirectory);
            List<Prediction> kept = new PredictionTable(database).Behind(0, 10);
            kept.Select(prediction => (prediction.Id, prediction.SelectionText, prediction.AsOf.Micros)).ShouldBe(
            [
                ("for ada", "user_stats:total, user_stats:notes", Clicks.Midnight + (10 * Clicks.Second)),
                ("for eve", "user_stats:total, user_stats:notes", Clicks.Midnight + (10 * Clicks.Second)),
                ("observed", "user_only@1", Clicks.Midnight + (20 * Clicks.Second)),
            ]);
            kept[0].Question.Keys.ShouldBe([Clicks.Keys("user", "ada")]);
            kept[0].Answer.Rows.Doubles.ShouldBe([5.0]);
            kept[0].Answer.States[0].StateVersion.ShouldBe(answer.States[0].StateVersion);
            kept[1].Answer.Rows.Statuses.ToByteArray().ShouldBe(answer.Rows.Statuses.ToByteArray()[^2..]);
            kept[2].Answer.Rows.ShouldBe(after.Features.Rows);
            kept[2].Question.Keys.ShouldBe([Clicks.Keys("user", "ada")]);
        });
    }

    [Fact]
    public async Task Names_that_do_not_fit_the_rows_are_refused_before_anything_is_read()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await RefusedAsync(store, request => request.PredictionIds.AddRange(["a", "b"]), "prediction_ids: 2 ids for 1 rows; give one per row; an empty one for a row that is not to be kept");
        await RefusedAsync(store, request => request.PredictionIds.Add(new string('x', 257)), "prediction_ids: an id of 257 characters; give at most 256");
        await RefusedAsync(store, request => Ask(request, "a", "a"), "prediction_ids: 'a' names 2 rows; give every row an id of its own");
        await RefusedAsync(store, request =>
        {
            request.PredictionIds.Add("a");
            request.KnownAtMicros.Add(Clicks.Midnight);
        }, "prediction_ids: the request has known_at_micros, and what comes later cannot change what was known then; leave out one of the two");

        static void Ask(GetFeaturesRequest request, params string[] ids)
        {
            request.Keys[0].Strings.Add("bob");
            request.PredictionIds.AddRange(ids);
        }
    }

    [Fact]
    public async Task A_name_belongs_to_one_question()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        GetFeaturesRequest request = Clicks.Ask("ada", 10, null, "user_stats:n");
        request.PredictionIds.Add("a");
        await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        await RefusedAsync(store, other =>
        {
            other.PredictionIds.Add("a");
            other.AsOfMicros[0]++;
        }, "prediction_ids: 'a' names a prediction already, of another question; give every prediction an id of its own; the same id is for the same call again, word for word");
    }

    private static async Task RefusedAsync(RunningStore store, Action<GetFeaturesRequest> change, string message)
    {
        GetFeaturesRequest request = Clicks.Ask("ada", 10, null, "user_stats:n");
        change(request);
        RpcException refused = await Should.ThrowAsync<RpcException>(async () => await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled));
        (refused.StatusCode, refused.Status.Detail).ShouldBe((StatusCode.InvalidArgument, message));
    }
}
