using Microsoft.AspNetCore.Http;
using OrleansFeatures.Gateway.Admission;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admission;

public sealed class RunQueueTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    private readonly SlowQueue _clock = new();

    [Fact]
    public async Task Who_came_last_runs_first_and_who_has_waited_too_long_is_refused()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 10, _clock);
        queue.TryEnter().ShouldBeTrue();
        queue.TryEnter().ShouldBeFalse();
        Task<string> impatient = WaitAsync(queue, TimeSpan.FromMilliseconds(10));
        Task<string> second = WaitAsync(queue, Long);
        Task<string> third = WaitAsync(queue, Long);
        (queue.Running, queue.WaitingNow).ShouldBe((1, 3));
        _clock.Pass(TimeSpan.FromMilliseconds(20));
        queue.Leave();
        (await third).ShouldBe("ran");
        (await impatient).ShouldBe("refused");
        second.IsCompleted.ShouldBeFalse();
        queue.Leave();
        (await second).ShouldBe("ran");
        queue.Leave();
        (queue.Running, queue.WaitingNow).ShouldBe((0, 0));
    }

    [Fact]
    public async Task Who_gives_up_leaves_the_line_at_once_and_changes_nothing_for_others()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 10, _clock);
        queue.TryEnter();
        var told = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        Action leave = queue.Wait(Long, () => told.TrySetResult("ran"), () => told.TrySetResult("refused"));
        Task<string> other = WaitAsync(queue, Long);
        leave();
        (await told.Task).ShouldBe("refused");
        queue.WaitingNow.ShouldBe(1);
        queue.Leave();
        (await other).ShouldBe("ran");
        leave();
        queue.Leave();
        (queue.Running, queue.WaitingNow).ShouldBe((0, 0), "who has left cannot leave again");
    }

    [Fact]
    public async Task When_too_many_wait_the_oldest_goes()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 2, _clock);
        queue.TryEnter();
        Task<string>[] waiting = [.. Enumerable.Range(0, 4).Select(_ => WaitAsync(queue, Long))];
        (await waiting[0], await waiting[1]).ShouldBe(("refused", "refused"));
        queue.WaitingNow.ShouldBe(2);
    }

    /// <summary>What the flood of an overloaded server shows: whoever would get no turn in time hears it while a retry elsewhere has some left, and its place on the connection is free.</summary>
    [Fact]
    public async Task Who_would_not_get_a_turn_in_time_at_the_pace_of_late_is_refused_at_once()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 1_000, _clock);
        TimeSpan turn = TimeSpan.FromMilliseconds(10);
        TimeSpan patience = 20 * turn;
        queue.TryEnter();
        Task<string>[] before = [.. Enumerable.Range(0, 500).Select(_ => WaitAsync(queue, Long))];
        before.Count(waiting => waiting.IsCompleted).ShouldBe(0, "nothing is known of the pace");

        // Two hundred milliseconds of turns of ten.
        for (int turns = 0; turns < 20; turns++)
        {
            _clock.Pass(turn);
            queue.Leave();
            queue.TryEnter().ShouldBeFalse("the newest has it");
        }

        queue.WaitingNow.ShouldBe(480, "a minute is enough for all of them");
        Task<string>[] crowd = [.. Enumerable.Range(0, 30).Select(_ => WaitAsync(queue, patience))];
        queue.WaitingNow.ShouldBe(510, "only who is the oldest is looked at, and those have patience");
        for (int turns = 0; turns < 510; turns++)
        {
            queue.Leave();
        }

        (await Task.WhenAll(before.Concat(crowd))).ShouldAllBe(end => end == "ran");
        crowd = [.. Enumerable.Range(0, 30).Select(_ => WaitAsync(queue, patience))];
        (await Task.WhenAll(crowd.Take(10))).ShouldAllBe(end => end == "refused");
        queue.WaitingNow.ShouldBe(20, "as many as get a turn in time");
    }

    [Fact]
    public void Few_that_wait_long_are_not_refused_for_the_pace()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 1_000, _clock);
        queue.TryEnter();
        Task<string>[] waiting = [.. Enumerable.Range(0, Limits.LineShortPerSlot)
            .Select(_ => WaitAsync(queue, TimeSpan.FromSeconds(1)))];
        _clock.Pass(TimeSpan.FromMilliseconds(900));
        queue.Leave();
        Task<string> next = WaitAsync(queue, TimeSpan.FromSeconds(1));
        queue.WaitingNow.ShouldBe(Limits.LineShortPerSlot, "a turn a second, and eight in line: who came first may be lucky yet");
        waiting[0].IsCompleted.ShouldBeFalse();
        next.IsCompleted.ShouldBeFalse();
    }

    /// <summary>Whoever waits is run in the end, however entering, waiting and leaving meet each other.</summary>
    [Fact]
    public async Task Nobody_is_forgotten_and_no_more_run_than_there_are_slots()
    {
        const int Slots = 3;
        var queue = new RunQueue(Slots, waitingMax: int.MaxValue, TimeProvider.System);
        int most = 0;
        int running = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (int call = 0; call < 5_000; call++)
            {
                if (!queue.TryEnter())
                {
                    (await WaitAsync(queue, Long)).ShouldBe("ran");
                }

                int now = Interlocked.Increment(ref running);
                InterlockedMax(ref most, now);
                Interlocked.Decrement(ref running);
                queue.Leave();
            }
        }))).WaitAsync(Long, TestContext.Current.CancellationToken);
        most.ShouldBeLessThanOrEqualTo(Slots);
        (queue.Running, queue.WaitingNow).ShouldBe((0, 0));
    }

    [Fact]
    public async Task A_call_that_waited_knows_what_is_left_of_its_deadline()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 10, TimeProvider.System);
        queue.TryEnter();
        var http = new DefaultHttpContext();
        http.Request.Headers["grpc-timeout"] = "20S";
        var left = new TaskCompletionSource<long>();
        Task call = new LookupRun(http, Next, queue, _ => Task.CompletedTask).WaitAsync(Long);
        queue.Leave();
        await call;
        (await left.Task).ShouldBeInRange(1, 19_999_999);
        queue.Running.ShouldBe(0);

        Task Next(HttpContext context)
        {
            left.SetResult(GrpcTimeout.MicrosOf(context.Request.Headers["grpc-timeout"])!.Value);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task A_call_that_fails_after_waiting_fails_and_gives_its_slot_back()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 10, TimeProvider.System);
        queue.TryEnter();
        Task call = new LookupRun(new DefaultHttpContext(), _ => throw new InvalidOperationException("as a test wants it"), queue, _ => Task.CompletedTask).WaitAsync(Long);
        queue.Leave();
        await Should.ThrowAsync<InvalidOperationException>(call);
        queue.TryEnter().ShouldBeTrue();
    }

    private static Task<string> WaitAsync(RunQueue queue, TimeSpan patience)
    {
        var ended = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        queue.Wait(patience, () => ended.SetResult("ran"), () => ended.SetResult("refused"));
        return ended.Task;
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (int seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }
}
