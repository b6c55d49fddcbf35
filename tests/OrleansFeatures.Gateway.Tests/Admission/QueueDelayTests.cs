using OrleansFeatures.Gateway.Admission;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admission;

public sealed class QueueDelayTests
{
    private readonly SlowQueue _queue = new();

    [Fact]
    public void A_probe_that_has_run_tells_how_long_it_waited_and_one_that_has_not_how_long_so_far()
    {
        using var delay = new QueueDelay(_queue, [], _queue.Queue);
        delay.Micros.ShouldBe(0);
        _queue.Fire();
        _queue.Pass(TimeSpan.FromMilliseconds(30));
        delay.Micros.ShouldBe(0, "nobody has looked");
        _queue.Fire();
        delay.Micros.ShouldBe(30_000, "and it waits on");
        _queue.Waiting.ShouldBe(1, "one probe at a time");
        _queue.Pass(TimeSpan.FromMilliseconds(5));
        _queue.Run();
        delay.Micros.ShouldBe(35_000);
        _queue.Fire();
        _queue.Run();
        delay.Micros.ShouldBe(0);
    }

    [Fact]
    public void A_queue_stands_when_two_probes_in_a_row_have_waited_and_a_stall_is_one()
    {
        using var delay = new QueueDelay(_queue, [], _queue.Queue);
        _ = delay.Micros;
        _queue.Delay(TimeSpan.FromMilliseconds(300));
        (delay.Micros, delay.StandingMicros).ShouldBe((300_000, 0), "before it nobody waited");
        _queue.Delay(TimeSpan.FromMilliseconds(100));
        (delay.Micros, delay.StandingMicros).ShouldBe((100_000, 100_000), "the queue empties");
        _queue.Delay(TimeSpan.Zero);
        delay.StandingMicros.ShouldBe(0);

        _queue.Delay(TimeSpan.FromMilliseconds(300));
        _queue.Fire();
        delay.StandingMicros.ShouldBe(0, "the second has only begun to wait");
        _queue.Pass(TimeSpan.FromMilliseconds(280));
        _queue.Fire();
        delay.StandingMicros.ShouldBe(280_000, "and waits on");
        _queue.Run();
        delay.StandingMicros.ShouldBe(280_000);
    }

    [Fact]
    public void While_nobody_calls_nobody_looks_and_the_next_call_begins_it_again()
    {
        using var delay = new QueueDelay(_queue, [], _queue.Queue);
        _queue.Fire();
        _queue.Queued.ShouldBe(0, "nobody has ever called");
        _ = delay.Micros;
        for (int tick = 0; tick < 3 * Limits.QueueDelayIdleLooks; tick++)
        {
            _queue.Fire();
            _queue.Run();
        }

        _queue.Queued.ShouldBe(Limits.QueueDelayIdleLooks + 1);
        _ = delay.Micros;
        _queue.Fire();
        _queue.Queued.ShouldBe(Limits.QueueDelayIdleLooks + 2);
    }

    [Fact]
    public async Task The_thread_pool_runs_the_probe()
    {
        var ran = new TaskCompletionSource();
        using var delay = new QueueDelay(TimeProvider.System, [], probe => ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                probe.Execute();
                ran.TrySetResult();
            },
            null));
        _ = delay.Micros;
        await ran.Task.WaitAsync(TestContext.Current.CancellationToken);
        delay.LastMicros.ShouldBeGreaterThanOrEqualTo(0);
    }
}
