using OrleansFeatures.Conformance;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Following;

/// <summary>How following ends on the embedded host.</summary>
public sealed class FollowEndTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_follower_does_not_keep_the_log_and_one_that_comes_too_late_is_told_where_it_begins()
    {
        await using TestStore store = await TestStore.OpenAsync(
            configure: options => options with { CheckpointOnClose = false, LogSegmentBytesMax = 16 * 1024, RawHistory = TimeSpan.Zero, CheckpointInterval = TimeSpan.FromDays(1) });
        await store.PushAsync(Transactions.Many(seed: 1, 100));
        await using IAsyncEnumerator<AppliedChanges> slow = store.Host.FollowAsync(LogSequence.None, null, Cancel).GetAsyncEnumerator(Cancel);
        (await slow.MoveNextAsync()).ShouldBeTrue();
        foreach (Push[] batch in Transactions.Many(seed: 2, 2_000, first: 100).Chunk(50))
        {
            await store.PushAsync(batch);
        }

        await store.Host.CheckpointAsync(Cancel);
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        await store.Host.CheckpointAsync(Cancel);
        var first = new LogSequence(store.Host.Status().FirstSequence);
        first.CompareTo(slow.Current.Through).ShouldBeGreaterThan(0);
        (await Should.ThrowAsync<LogTruncatedException>(async () => await slow.MoveNextAsync())).FirstSequence.ShouldBe(first);

        await using IAsyncEnumerator<AppliedChanges> early = store.Host.FollowAsync(new LogSequence(first.Value - 1), null, Cancel).GetAsyncEnumerator(Cancel);
        (await early.MoveNextAsync()).ShouldBeTrue();
        early.Current.Changes[0].Sequence.ShouldBe(first);
    }

    [Fact]
    public async Task Closing_the_host_ends_whoever_waits_for_more()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Transactions.Many(seed: 1, 10));
        await using IAsyncEnumerator<AppliedChanges> slices = store.Host.FollowAsync(store.Host.DurableSequence, null, Cancel).GetAsyncEnumerator(Cancel);
        Task<bool> next = slices.MoveNextAsync().AsTask();
        await store.CloseAsync();
        await Should.ThrowAsync<ObjectDisposedException>(next);
    }
}
