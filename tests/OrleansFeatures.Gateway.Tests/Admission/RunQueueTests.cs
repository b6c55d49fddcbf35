using Microsoft.AspNetCore.Http;
using OrleansFeatures.Gateway.Admission;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admission;

public sealed class RunQueueTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly SlowQueue _clock = new();

    [Fact]
    public async Task Who_came_first_runs_first_and_who_has_waited_too_long_is_refused()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 10, Patience, _clock);
        queue.TryEnter().ShouldBeTrue();
        queue.TryEnter().ShouldBeFalse();
        Task<string> impatient = WaitAsync(queue, TimeSpan.FromMilliseconds(10));
        Task<string> second = WaitAsync(queue, Long);
        Task<string> third = WaitAsync(queue, Long);
        (queue.Running, queue.WaitingNow).ShouldBe((1, 3));
        _clock.Pass(TimeSpan.FromMilliseconds(20));
        queue.Leave();
        (await second).ShouldBe("ran");
        (await impatient).ShouldBe("refused");
        third.IsCompleted.ShouldBeFalse();
        queue.Leave();
        (await third).ShouldBe("ran");
        queue.Leave();
        (queue.Running, queue.WaitingNow).ShouldBe((0, 0));
    }

    [Fact]
    public async Task Who_gives_up_leaves_the_line_at_once_and_changes_nothing_for_others()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 10, Patience, _clock);
        queue.TryEnter();
        var told = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        Action leave = queue.Wait(Long, Long, () => told.TrySetResult("ran"), () => told.TrySetResult("refused"));
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
        var queue = new RunQueue(slots: 1, waitingMax: 2, Patience, _clock);
        queue.TryEnter();
        Task<string>[] waiting = [.. Enumerable.Range(0, 4).Select(_ => WaitAsync(queue, Long))];
        (await waiting[0], await waiting[1]).ShouldBe(("refused", "refused"));
        queue.WaitingNow.ShouldBe(2);
    }

    /// <summary>What the flood of an overloaded server shows: whoever would get no turn in time hears it while there is some left, and its place on the connection is free.</summary>
    [Fact]
    public async Task Who_would_not_get_a_turn_in_time_at_the_pace_of_late_is_refused_at_once()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 1_000, Patience, _clock);
        queue.TryEnter();
        Task<string>[] crowd = [.. Enumerable.Range(0, 700).Select(_ => WaitAsync(queue, Patience))];
        queue.WaitingNow.ShouldBe(700, "nothing is known of their turns");
        Turns(queue, count: 90, TimeSpan.FromMilliseconds(10));
        queue.WaitingNow.ShouldBe(299, "a hundred turns a second, for three seconds, and one has just begun");
        Turns(queue, count: 299, TimeSpan.Zero);
        string[] ends = await Task.WhenAll(crowd);
        ends.Count(end => end == "refused").ShouldBe(700 - 299 - 90);
        ends[^1].ShouldBe("ran");
    }

    /// <summary>A hundred clients that ask again as soon as they are answered: none of them is forgotten for those that come after it.</summary>
    [Fact]
    public async Task While_all_get_a_turn_in_time_they_get_it_in_turn()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 1_000, Patience, _clock);
        queue.TryEnter();
        var calls = new List<Task<string>>(Enumerable.Range(0, 100).Select(_ => WaitAsync(queue, Patience)));
        for (int turn = 0; turn < 2_000; turn++)
        {
            Turns(queue, count: 1, TimeSpan.FromMilliseconds(1));
            (await calls[turn].WaitAsync(Long, TestContext.Current.CancellationToken)).ShouldBe("ran");
            calls.Add(WaitAsync(queue, Patience));
        }
    }

    [Fact]
    public async Task In_a_flood_who_came_last_runs_first()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 1_000, Patience, _clock);
        queue.TryEnter();
        Task<string>[] crowd = [.. Enumerable.Range(0, 300).Select(_ => WaitAsync(queue, Patience))];
        Turns(queue, count: 100, TimeSpan.FromMilliseconds(10));
        Task<string> last = WaitAsync(queue, Patience);
        Turns(queue, count: 1, TimeSpan.FromMilliseconds(10));
        (await last.WaitAsync(Long, TestContext.Current.CancellationToken)).ShouldBe("ran", "a hundred turns a second, and two hundred in line: not all within half of three seconds");
        queue.WaitingNow.ShouldBe(200);
        crowd[150].IsCompleted.ShouldBeFalse("it came neither early enough nor late enough");
    }

    /// <summary>A line that just clears is no flood because one of it has little time: it is next in turn.</summary>
    [Fact]
    public async Task Who_has_little_time_is_not_refused_while_the_others_have_enough()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 1_000, Patience, _clock);
        queue.TryEnter();
        Task<string>[] calls = [.. Enumerable.Range(0, 120).Select(_ => WaitAsync(queue, Patience))];
        Turns(queue, count: 90, TimeSpan.FromMilliseconds(10));
        Task<string> hurried = WaitAsync(queue, TimeSpan.FromMilliseconds(350));
        calls = [.. calls, .. Enumerable.Range(0, 20).Select(_ => WaitAsync(queue, Patience))];
        Turns(queue, count: 51, TimeSpan.FromMilliseconds(10));
        (await hurried.WaitAsync(Long, TestContext.Current.CancellationToken)).ShouldBe("ran");
        (await Task.WhenAll(calls)).ShouldAllBe(end => end == "ran");
    }

    /// <summary>A machine that stands still for a second is no flood: the line behind it empties by itself.</summary>
    [Fact]
    public async Task Few_that_have_lost_their_patience_are_answered_late_and_only_more_are_refused()
    {
        const int Few = Limits.LineShortPerSlot;
        var queue = new RunQueue(slots: 1, waitingMax: 1_000, Patience, _clock);
        queue.TryEnter();
        TimeSpan patience = TimeSpan.FromMilliseconds(250);
        Task<string>[] few = [.. Enumerable.Range(0, Few).Select(_ => WaitAsync(queue, patience, TimeSpan.MaxValue))];
        Turns(queue, count: 1, 4 * patience);
        few.Count(waiting => waiting.IsCompleted).ShouldBeLessThanOrEqualTo(1, "the one whose turn it is");
        Task<string>[] more = [.. Enumerable.Range(0, 3).Select(_ => WaitAsync(queue, patience, TimeSpan.MaxValue))];
        (await few[1], await few[2]).ShouldBe(("refused", "refused"));
        Turns(queue, count: Few, TimeSpan.Zero);
        (await Task.WhenAll(few.Skip(3).Concat(more))).ShouldAllBe(end => end == "ran");
    }

    [Fact]
    public async Task Few_that_wait_long_are_not_refused_for_the_pace()
    {
        var queue = new RunQueue(slots: 1, waitingMax: 1_000, Patience, _clock);
        queue.TryEnter();
        Task<string>[] waiting = [.. Enumerable.Range(0, Limits.LineShortPerSlot).Select(_ => WaitAsync(queue, 10 * Long))];
        var later = new List<Task<string>>();
        for (int turn = 0; turn < 30; turn++)
        {
            Turns(queue, count: 1, TimeSpan.FromSeconds(10));
            later.Add(WaitAsync(queue, 10 * Long));
        }

        queue.WaitingNow.ShouldBe(Limits.LineShortPerSlot, "a turn in ten seconds, and eight in line");
        (await Task.WhenAll(waiting)).ShouldAllBe(end => end == "ran");
    }

    /// <summary>Whoever waits is run in the end, however entering, waiting and leaving meet each other.</summary>
    [Fact]
    public async Task Nobody_is_forgotten_and_no_more_run_than_there_are_slots()
    {
        const int Slots = 3;
        var queue = new RunQueue(Slots, waitingMax: int.MaxValue, Patience, TimeProvider.System);
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
        var queue = new RunQueue(slots: 1, waitingMax: 10, Patience, TimeProvider.System);
        queue.TryEnter();
        var http = new DefaultHttpContext();
        http.Request.Headers["grpc-timeout"] = "20S";
        var left = new TaskCompletionSource<long>();
        Task call = new LookupRun(http, Next, queue, _ => Task.CompletedTask).WaitAsync(Long, Long);
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
        var queue = new RunQueue(slots: 1, waitingMax: 10, Patience, TimeProvider.System);
        queue.TryEnter();
        Task call = new LookupRun(new DefaultHttpContext(), _ => throw new InvalidOperationException("as a test wants it"), queue, _ => Task.CompletedTask).WaitAsync(Long, Long);
        queue.Leave();
        await Should.ThrowAsync<InvalidOperationException>(call);
        queue.TryEnter().ShouldBeTrue();
    }

    /// <summary>Each ends after so long, and whoever is next has the next.</summary>
    private void Turns(RunQueue queue, int count, TimeSpan each)
    {
        for (int turn = 0; turn < count; turn++)
        {
            _clock.Pass(each);
            queue.Leave();
        }
    }

    private static Task<string> WaitAsync(RunQueue queue, TimeSpan patience, TimeSpan? own = null)
    {
        var ended = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        queue.Wait(patience, own ?? patience, () => ended.SetResult("ran"), () => ended.SetResult("refused"));
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
