using OrleansFeatures.Server.Load;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Load;

public sealed class OpenLoopTests
{
    private const ulong Seed = 11;
    private static readonly double[] Percents = [1, 50, 90, 95, 99, 99.9, 99.99, 100];
    private static readonly TimeSpan RunLength = TimeSpan.FromSeconds(20);

    private readonly SimulatedClock _clock = new();

    /// <summary>At 500 requests a second of 0.2 ms, a stall of two seconds meets a thousand users, of 10,000; what the generator can have under way must make no difference.</summary>
    [Theory]
    [InlineData(nameof(Spacing.Even), 10_000)]
    [InlineData(nameof(Spacing.Poisson), 10_000)]
    [InlineData(nameof(Spacing.Even), 1)]
    [InlineData(nameof(Spacing.Poisson), 1)]
    [InlineData(nameof(Spacing.Poisson), 37)]
    public async Task A_stall_shows_as_every_user_who_came_during_it_meets_it(string spaced, int underWayMax)
    {
        Spacing spacing = Enum.Parse<Spacing>(spaced);
        SimulatedServer server = StallingServer();
        long[] expected = server.WaitsOf(Due(spacing));
        LoadRecord record = await RunAsync(server, spacing, new OpenLoopOptions { UnderWayMax = underWayMax });

        record.Due.ShouldBe(expected.Length);
        record.Answered.ShouldBe(expected.Length);
        record.Failed.ShouldBe(0);
        Array.Sort(expected);
        foreach (double percent in Percents)
        {
            long exact = expected[Math.Max(0, (int)Math.Ceiling(expected.Length * percent / 100) - 1)];
            record.Latency.Percentile(percent).TotalNanoseconds.ShouldBeInRange(exact, exact * 1.001 + TimeSpan.NanosecondsPerTick, $"p{percent}, {spacing}, {underWayMax} under way, seed {Seed}");
        }
    }

    /// <summary>The proof that the test above can fail: counted from sending, a generator that may have one request under way sees one slow request in ten thousand.</summary>
    [Fact]
    public async Task Counted_from_sending_the_same_stall_would_be_one_slow_request()
    {
        LoadRecord record = await RunAsync(StallingServer(), Spacing.Even, new OpenLoopOptions { UnderWayMax = 1 });
        record.FromSending.Percentile(99.9).ShouldBeLessThan(TimeSpan.FromMilliseconds(1));
        record.Latency.Percentile(99.9).ShouldBeGreaterThan(TimeSpan.FromSeconds(1.9));
        record.Latency.Percentile(95).ShouldBeGreaterThan(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_stall_is_shown_at_the_time_at_which_users_met_it()
    {
        LoadRecord record = await RunAsync(StallingServer(), Spacing.Even, new OpenLoopOptions { UnderWayMax = 1 });
        record.Timeline.SlotLength.ShouldBe(TimeSpan.FromSeconds(1));
        record.Timeline.Slots.Select(slot => slot.Due).ShouldAllBe(due => due == 500);
        record.Timeline.Slots[4].Latency.Longest.ShouldBeLessThan(TimeSpan.FromMilliseconds(1));
        record.Timeline.Slots[5].Latency.Longest.ShouldBeGreaterThan(TimeSpan.FromSeconds(1.9));
        record.Timeline.Slots[12].Latency.Longest.ShouldBeLessThan(TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public async Task What_is_never_answered_is_counted_with_the_time_that_it_waited()
    {
        var silent = new SilentServer();
        var drain = TimeSpan.FromSeconds(3);
        LoadRecord record = await RunAsync(silent, Spacing.Even, new OpenLoopOptions { UnderWayMax = 100, Drain = drain });
        record.Due.ShouldBe(10_000);
        record.Answered.ShouldBe(0);
        record.Failures[LoadRecord.NoAnswer].Count.ShouldBe(100);
        record.Failures[LoadRecord.NeverSent].Count.ShouldBe(9_900);
        record.Latency.Count.ShouldBe(10_000);
        record.Latency.Percentile(0.01).ShouldBeGreaterThanOrEqualTo(drain);
        record.Latency.Longest.ShouldBeGreaterThanOrEqualTo(RunLength + drain);
    }

    [Fact]
    public async Task A_refusal_is_a_failure_and_does_not_make_the_server_look_fast()
    {
        int sent = 0;
        var refusing = new AnsweringServer(() => sent++ % 4 == 0 ? new LoadOutcome("RESOURCE_EXHAUSTED", "too many calls") : LoadOutcome.Answered);
        LoadRecord record = await RunAsync(refusing, Spacing.Even, new OpenLoopOptions());
        record.Answered.ShouldBe(7_500);
        record.Failures.ShouldHaveSingleItem().Value.Count.ShouldBe(2_500);
        record.Failures["RESOURCE_EXHAUSTED"].FirstDetail.ShouldBe("too many calls");
        record.Latency.Count.ShouldBe(7_500);
    }

    [Fact]
    public async Task A_deadline_that_passed_counts_as_the_wait_that_it_was()
    {
        LoadRecord record = await RunAsync(new AnsweringServer(() => new LoadOutcome(LoadOutcome.DeadlineExceeded, "late")), Spacing.Even, new OpenLoopOptions());
        record.Failed.ShouldBe(10_000);
        record.Latency.Count.ShouldBe(10_000);
    }

    [Fact]
    public async Task The_warm_up_is_sent_and_not_counted()
    {
        SimulatedServer server = StallingServer();
        LoadRecord record = await RunAsync(server, Spacing.Even, new OpenLoopOptions { WarmUp = TimeSpan.FromSeconds(8) });
        server.SentAt.Count.ShouldBe(10_000);
        record.Due.ShouldBe(6_000);
        record.Latency.Count.ShouldBe(6_000);
        record.Latency.Longest.ShouldBeLessThan(TimeSpan.FromSeconds(1), "the stall was in the warm-up");
    }

    [Fact]
    public void A_warm_up_without_anything_after_it_is_refused() =>
        Should.Throw<ArgumentException>(() => new OpenLoop(_clock, [Lane(new SilentServer(), Spacing.Even)], new OpenLoopOptions { WarmUp = RunLength }));

    [Fact]
    public async Task Lanes_are_sent_in_the_order_in_which_their_requests_are_due_and_measured_apart()
    {
        SimulatedServer server = StallingServer();
        using var loop = new OpenLoop(_clock, [Lane(server, Spacing.Poisson, "reads", 300), Lane(server, Spacing.Poisson, "writes", 20)], new OpenLoopOptions());
        await Task.Run(() => loop.Run(CancellationToken.None), TestContext.Current.CancellationToken);
        server.SentAt.SequenceEqual(server.SentAt.Order()).ShouldBeTrue();
        loop.Records.Select(record => record.Name).ShouldBe(["reads", "writes"]);
        loop.Records.Sum(record => record.Record.Answered).ShouldBe(server.SentAt.Count);
        loop.Records[0].Record.Due.ShouldBeInRange(5_700, 6_300);
        loop.Records[1].Record.Due.ShouldBeInRange(320, 480);
    }

    [Fact]
    public async Task A_cancelled_run_ends_at_once_and_what_was_measured_stands()
    {
        using var stop = new CancellationTokenSource();
        _clock.At(SimulatedServer.Nanoseconds(TimeSpan.FromSeconds(3)), stop.Cancel);
        using var loop = new OpenLoop(_clock, [Lane(StallingServer(), Spacing.Even)], new OpenLoopOptions());
        await Task.Run(() => loop.Run(stop.Token), TestContext.Current.CancellationToken);
        loop.Records[0].Record.Due.ShouldBeInRange(1_490, 1_510);
        loop.Records[0].Record.Answered.ShouldBe(loop.Records[0].Record.Due);
        loop.Measured.ShouldBeInRange(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(3.1));
        _clock.Now.ShouldBeLessThan(SimulatedServer.Nanoseconds(TimeSpan.FromSeconds(4)));
    }

    [Fact]
    public async Task A_target_that_throws_is_a_bug_and_ends_the_run()
    {
        var broken = new AnsweringServer(() => throw new FormatException("broken"));
        InvalidOperationException thrown = await Should.ThrowAsync<InvalidOperationException>(() => RunAsync(broken, Spacing.Even, new OpenLoopOptions()));
        thrown.InnerException.ShouldBeOfType<FormatException>();
    }

    [Fact]
    public void The_real_clock_never_wakes_early()
    {
        var clock = new MonotonicClock(1_000);
        for (int wait = 0; wait < 20; wait++)
        {
            long instant = clock.Now + (wait * 100_000);
            clock.SleepUntil(instant);
            clock.Now.ShouldBeGreaterThanOrEqualTo(instant);
        }
    }

    private SimulatedServer StallingServer() => new(_clock, TimeSpan.FromMilliseconds(0.2), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(7));

    private static LoadLane Lane(ILoadTarget target, Spacing spacing, string name = "requests", double rate = 500) =>
        new(name, target, new Arrivals(RateProfile.Constant(rate, RunLength), spacing, Seed));

    private static IEnumerable<long> Due(Spacing spacing)
    {
        var arrivals = new Arrivals(RateProfile.Constant(500, RunLength), spacing, Seed);
        while (arrivals.Next() is { } due)
        {
            yield return due;
        }
    }

    /// <summary>On the pool, where answers are followed on the very thread that brings them.</summary>
    private async Task<LoadRecord> RunAsync(ILoadTarget target, Spacing spacing, OpenLoopOptions options)
    {
        using var loop = new OpenLoop(_clock, [Lane(target, spacing)], options);
        await Task.Run(() => loop.Run(CancellationToken.None), TestContext.Current.CancellationToken);
        return loop.Records[0].Record;
    }

    private sealed class SilentServer : ILoadTarget
    {
        public Task<LoadOutcome> SendAsync(CancellationToken abandoned)
        {
            var never = new TaskCompletionSource<LoadOutcome>();
            abandoned.Register(() => never.SetResult(new LoadOutcome("CANCELLED", "the caller gave up")));
            return never.Task;
        }
    }

    private sealed class AnsweringServer(Func<LoadOutcome> answer) : ILoadTarget
    {
        public Task<LoadOutcome> SendAsync(CancellationToken abandoned) => Task.FromResult(answer());
    }
}
