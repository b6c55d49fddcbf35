using Grpc.Core;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using FeatureStatus = OrleansFeatures.V1.FeatureStatus;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class PartialAnswerTests
{
    [Fact]
    public async Task A_partial_answer_to_which_nothing_is_missing_says_nothing_of_its_rows()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1)), cancellationToken: RunningStore.Cancelled);
        GetFeaturesRequest request = Ask("ada", "bob");
        GetFeaturesResponse whole = await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        request.Partial = true;
        GetFeaturesResponse partial = await store.Features.GetFeaturesAsync(request, deadline: DateTime.UtcNow.AddMinutes(1), cancellationToken: RunningStore.Cancelled);
        partial.RowStatuses.ShouldBeEmpty();
        partial.ShouldBe(whole);
    }

    [Fact]
    public async Task Rows_that_a_token_is_not_true_for_in_time_are_out_of_time_and_their_neighbours_are_answered()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var ingest = new IngestService.IngestServiceClient(store.Channel);
        var features = new FeatureService.FeatureServiceClient(store.Channel);
        string bob = Enumerable.Range(0, 100).Select(number => $"bob {number}").First(user => PartitionOf(store, user) != PartitionOf(store, "ada"));
        await ingest.PushAsync(Clicks.Columns(0, 1, "ada"), cancellationToken: RunningStore.Cancelled);
        PushResponse pushed = await ingest.PushAsync(Clicks.Columns(1, 1, bob), cancellationToken: RunningStore.Cancelled);
        uint own = PartitionOf(store, bob);
        var token = new ConsistencyToken { Partitions = { PartitionOf(store, "ada"), own }, Offsets = { 1_000, pushed.Token.Offsets[pushed.Token.Partitions.IndexOf(own)] } };
        GetFeaturesRequest request = Ask("ada", bob, "ada");
        request.MinToken = token;
        request.Partial = true;
        foreach (bool isByDeadline in new[] { false, true })
        {
            // Either the token's own patience ends it, or half of the call's time.
            request.MaxWaitMs = isByDeadline ? 60_000u : 30;
            GetFeaturesResponse answer = await features.GetFeaturesAsync(
                request, deadline: DateTime.UtcNow.AddSeconds(isByDeadline ? 6 : 60), cancellationToken: RunningStore.Cancelled);
            answer.RowStatuses.ToByteArray().ShouldBe([(byte)RowStatus.DeadlineExceeded, (byte)RowStatus.Ok, (byte)RowStatus.DeadlineExceeded]);
            answer.Rows.Int64S.ShouldBe([0, 1, 0]);
            answer.Rows.Statuses.ToByteArray().ShouldBe([(byte)FeatureStatus.Invalid, (byte)FeatureStatus.Present, (byte)FeatureStatus.Invalid]);
            answer.States.Select(state => state.StateVersion > 0).ShouldBe([false, true, false]);
        }
    }

    [Fact]
    public async Task A_row_that_fails_fails_the_call_unless_a_part_is_enough()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var features = new FeatureService.FeatureServiceClient(store.Channel);
        GetFeaturesRequest request = Ask("ada", "bob");
        request.MinToken = new ConsistencyToken();
        for (uint partition = 0; partition < 4; partition++)
        {
            request.MinToken.Partitions.Add(partition);
            request.MinToken.Offsets.Add(7);
        }

        request.MaxWaitMs = 20;
        (await Should.ThrowAsync<RpcException>(async () => await features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled))).StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        request.Partial = true;
        request.Compact = true;
        GetFeaturesResponse answer = await features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        answer.RowStatuses.ToByteArray().ShouldBe([(byte)RowStatus.DeadlineExceeded, (byte)RowStatus.DeadlineExceeded]);
    }

    /// <summary>The host takes longer than the call has: the deadline ends the call, and the host hears of it.</summary>
    [Fact]
    public async Task A_deadline_reaches_the_host_that_reads()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var asked = new TaskCompletionSource();
        var held = new TaskCompletionSource();
        store.Host.BeforeNextRead = () =>
        {
            asked.SetResult();
            return held.Task;
        };
        var features = new FeatureService.FeatureServiceClient(store.Channel);
        using AsyncUnaryCall<GetFeaturesResponse> call = features.GetFeaturesAsync(Ask("ada"), deadline: DateTime.UtcNow.AddSeconds(1), cancellationToken: RunningStore.Cancelled);
        await asked.Task.WaitAsync(RunningStore.Cancelled);
        DateTime deadline = store.Host.LastRead!.Deadline;
        (deadline - DateTime.UtcNow).ShouldBeInRange(TimeSpan.FromSeconds(-10), TimeSpan.FromSeconds(1));
        (await Should.ThrowAsync<RpcException>(async () => await call)).StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        held.SetResult();
    }

    /// <summary>How often ada and others clicked: one int64 a row.</summary>
    private static GetFeaturesRequest Ask(params string[] users)
    {
        var request = new GetFeaturesRequest { What = Clicks.List("user_stats:n") };
        request.Keys.Add(Clicks.Keys("user", users));
        request.AsOfMicros.Add(Clicks.Midnight + (2 * Clicks.Second));
        return request;
    }

    private static uint PartitionOf(TroubledStore store, string user)
    {
        byte[] key = new byte[EntityKeyEncoding.BytesMax];
        int length = EntityKeyEncoding.Append(key, Domain.Events.Value.Of(user));
        return (uint)store.Host.Partitions.Of(store.Host.Catalog.Entity("user")!, key.AsSpan(0, length)).Value;
    }
}
