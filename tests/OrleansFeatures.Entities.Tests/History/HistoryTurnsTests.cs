using OrleansFeatures.Entities.History;

namespace OrleansFeatures.Entities.Tests.History;

public sealed class HistoryTurnsTests
{
    private readonly HistoryTurns _turns = new(atOnce: 2);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_few_reads_are_made_at_once_and_the_others_come_in_their_order()
    {
        Held[] held = [.. Enumerable.Range(0, 4).Select(_ => new Held(_turns))];
        await Task.WhenAll(held[0].Begun, held[1].Begun);
        held[2].Begun.IsCompleted.ShouldBeFalse("two are at work");
        held[1].End();
        await held[2].Begun;
        held[3].Begun.IsCompleted.ShouldBeFalse("its turn is behind the third's");
        held[0].End();
        await held[3].Begun;
        held[2].End();
        held[3].End();
        await Task.WhenAll(held.Select(one => one.Done));
    }

    [Fact]
    public async Task Reads_do_not_keep_the_threads_that_lookups_need()
    {
        bool isOfThePool = await _turns.RunAsync(() => Thread.CurrentThread.IsThreadPoolThread, Cancelled);
        isOfThePool.ShouldBeFalse();
    }

    [Fact]
    public async Task Who_gives_up_waiting_and_who_fails_leave_their_turn_to_others()
    {
        Held[] held = [.. Enumerable.Range(0, 2).Select(_ => new Held(_turns))];
        using var impatient = new CancellationTokenSource();
        Task waiting = _turns.RunAsync(() => throw new InvalidOperationException("was given up"), impatient.Token);
        await impatient.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => waiting);

        held[0].End();
        await held[0].Done;
        await Should.ThrowAsync<IOException>(() => _turns.RunAsync(() => throw new IOException("as a test wants it"), Cancelled));
        await _turns.RunAsync(() => { }, Cancelled);
        held[1].End();
        await held[1].Done;
    }

    /// <summary>A read that lasts until it is ended.</summary>
    private sealed class Held
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ends = new();

        public Held(HistoryTurns turns) => Done = turns.RunAsync(
            () =>
            {
                _begun.SetResult();
                _ends.Task.Wait(Cancelled);
            },
            Cancelled);

        public Task Begun => _begun.Task.WaitAsync(Cancelled);

        public Task Done { get; }

        public void End() => _ends.SetResult();
    }
}
