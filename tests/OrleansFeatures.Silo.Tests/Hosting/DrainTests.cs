using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Silo.Hosting;

namespace OrleansFeatures.Silo.Tests.Hosting;

public sealed class DrainTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(50);
    private readonly List<string> _done = [];

    [Fact]
    public async Task Steps_run_one_after_the_other()
    {
        (await RunAsync(Long, Step("first"), Step("second"), Step("third"))).ShouldBeTrue();
        _done.ShouldBe(["first", "second", "third"]);
    }

    [Fact]
    public async Task A_step_that_does_not_listen_is_left_behind_and_the_next_begins()
    {
        (await RunAsync(Long, new DrainStep("deaf", Short, _ => new TaskCompletionSource().Task), Step("next"))).ShouldBeFalse();
        _done.ShouldBe(["next"]);
    }

    [Fact]
    public async Task A_step_that_fails_does_not_keep_the_next_from_running()
    {
        (await RunAsync(Long, new DrainStep("broken", Long, _ => throw new IOException("the disk is gone")), Step("next"))).ShouldBeFalse();
        _done.ShouldBe(["next"]);
    }

    [Fact]
    public async Task All_of_them_together_take_no_longer_than_the_limit()
    {
        long began = Stopwatch.GetTimestamp();
        var deaf = new DrainStep("deaf", Long, _ => new TaskCompletionSource().Task);
        (await RunAsync(Short, deaf, deaf, deaf)).ShouldBeFalse();
        Stopwatch.GetElapsedTime(began).ShouldBeLessThan(Long, "each of them alone might have taken that");
    }

    private Task<bool> RunAsync(TimeSpan most, params DrainStep[] steps) => new Drain(TimeProvider.System, NullLogger.Instance).RunAsync(steps, most);

    private DrainStep Step(string name) => new(name, Long, async _ =>
    {
        await Task.Yield();
        _done.Add(name);
    });
}
