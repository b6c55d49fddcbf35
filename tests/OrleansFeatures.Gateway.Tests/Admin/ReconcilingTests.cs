using Grpc.Core;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Log;
using Shouldly;
using Xunit;
using Value = OrleansFeatures.Domain.Events.Value;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Tests.Admin;

public sealed class ReconcilingTests
{
    [Fact]
    public async Task A_sound_store_answers_with_progress_and_a_last_message_without_differences()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Columns(0, 500), cancellationToken: RunningStore.Cancelled);
        await store.Ingest.PushAsync(Clicks.Columns(500, 500, "bob"), cancellationToken: RunningStore.Cancelled);
        List<Wire.ReconcileResponse> answers = await AnswersAsync(store.Admin, new Wire.ReconcileRequest());
        Wire.ReconcileResponse last = answers[^1];
        (last.Complete, last.Counts.Entities, last.Counts.Differences, last.Counts.Unreadable).ShouldBe((true, 5ul, 0ul, 0ul), "two users, one shop, two pairs");
        answers.SkipLast(1).ShouldAllBe(answer => !answer.Complete);
        last.LogRecordsRead.ShouldBe(last.LogRecordsTotal);
    }

    [Fact]
    public async Task A_difference_says_both_values_as_json_with_their_statuses()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        EntityPlan pair = store.Host.Catalog.Entity("pair")!;
        EntityPlan user = store.Host.Catalog.Entity("user")!;
        FeaturePlan notes = user.Features.Single(feature => feature.Name == "notes");
        byte[] key = new byte[64];
        int length = EntityKeyEncoding.Append(key, Value.Of("ada"));
        var different = new FeatureDifference(
            user, key.AsMemory(0, length), notes, new EventTime(Clicks.Midnight), FeatureValue.Of([Value.Of("a\"b"), Value.Null]), FeatureValue.Null, 17, new PartitionId(3), 5);
        length += EntityKeyEncoding.Append(key.AsSpan(length), Value.Of(9L));
        store.Host.Reconciled = new ReconcileReport(
            new ReconcileCounts(10, 20, 3, 4, 5, 1, 1), [different], [new UnreadableEntity(pair, key.AsMemory(0, length), "it met a bug")]);
        Wire.ReconcileResponse last = (await AnswersAsync(new Wire.AdminService.AdminServiceClient(store.Channel), new Wire.ReconcileRequest()))[^1];
        last.Differences.ShouldHaveSingleItem().ShouldBe(new Wire.FeatureDifference
        {
            Entity = "user", Key = { "ada" }, Feature = "user_stats:notes", AsOfMicros = Clicks.Midnight, LiveJson = "[\"a\\\"b\",null]", LiveStatus = Wire.FeatureStatus.Present,
            RecomputedJson = "null", RecomputedStatus = Wire.FeatureStatus.NullValue, StateVersion = 17, Partition = 3, Events = 5,
        });
        last.Unreadable.ShouldHaveSingleItem().ShouldBe(new Wire.UnreadableEntity { Entity = "pair", Key = { "ada", "9" }, Reason = "it met a bug" });
        (last.Counts.Rounded, last.Counts.Approximate, last.Counts.OutsideRetention).ShouldBe((3ul, 4ul, 5ul));
    }

    [Theory]
    [InlineData("usr", 0u, StatusCode.NotFound, "entity: there is no entity 'usr'; did you mean 'user'?")]
    [InlineData("user", 100_001u, StatusCode.InvalidArgument, "sample: a sample of 100001; ask for at most 100000, or leave it out for every entity")]
    public async Task What_cannot_be_reconciled_is_refused_with_the_fix(string entity, uint sample, StatusCode code, string message)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var refused = await Should.ThrowAsync<RpcException>(() => AnswersAsync(store.Admin, new Wire.ReconcileRequest { Entity = entity, Sample = sample }));
        (refused.StatusCode, refused.Status.Detail).ShouldBe((code, message));
    }

    [Fact]
    public async Task Another_one_under_way_is_a_precondition_that_fails()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.ReconcileFailure = new ReconcileUnderWayException();
        var refused = await Should.ThrowAsync<RpcException>(() => AnswersAsync(new Wire.AdminService.AdminServiceClient(store.Channel), new Wire.ReconcileRequest()));
        refused.StatusCode.ShouldBe(StatusCode.FailedPrecondition);
    }

    [Fact]
    public async Task Progress_is_told_while_it_runs_and_a_server_that_stops_ends_it()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var given = new TaskCompletionSource<ReconcileReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        store.Host.WhileReconciling = (tell, cancellation) =>
        {
            tell(new ReconcileProgress(10, 40, new ReconcileCounts { Entities = 3 }));
            cancellation.Register(() => given.TrySetCanceled(cancellation));
            return given.Task;
        };
        using var call = new Wire.AdminService.AdminServiceClient(store.Channel).Reconcile(new Wire.ReconcileRequest(), cancellationToken: RunningStore.Cancelled);
        (await call.ResponseStream.MoveNext(RunningStore.Cancelled)).ShouldBeTrue();
        (call.ResponseStream.Current.LogRecordsRead, call.ResponseStream.Current.LogRecordsTotal, call.ResponseStream.Current.Counts.Entities, call.ResponseStream.Current.Complete).ShouldBe((10ul, 40ul, 3ul, false));
        store.BeginStop();
        var ended = await Should.ThrowAsync<RpcException>(async () => await call.ResponseStream.MoveNext(RunningStore.Cancelled));
        (ended.StatusCode, ended.Status.Detail).ShouldBe((StatusCode.Unavailable, "the server is shutting down; connect again and repeat what was not acknowledged"));
    }

    private static async Task<List<Wire.ReconcileResponse>> AnswersAsync(Wire.AdminService.AdminServiceClient admin, Wire.ReconcileRequest request)
    {
        using var call = admin.Reconcile(request, cancellationToken: RunningStore.Cancelled);
        List<Wire.ReconcileResponse> answers = [];
        while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
            answers.Add(call.ResponseStream.Current);
        }

        return answers;
    }
}
