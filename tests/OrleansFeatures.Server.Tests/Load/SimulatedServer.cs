using OrleansFeatures.Server.Load;

namespace OrleansFeatures.Server.Tests.Load;

/// <summary>
/// A server with one place: requests are served one after the other, in order, each for the same time, and none during a stall. Its
/// <see cref="WaitsOf"/> says what users of such a server meet who come at given instants: the definition that the generator is held to.
/// </summary>
internal sealed class SimulatedServer(SimulatedClock clock, TimeSpan service, TimeSpan stallFrom, TimeSpan stallTo) : ILoadTarget
{
    private readonly long _service = Nanoseconds(service);
    private readonly long _stallFrom = Nanoseconds(stallFrom);
    private readonly long _stallTo = Nanoseconds(stallTo);
    private long _freeAt;

    public List<long> SentAt { get; } = [];

    public Task<LoadOutcome> SendAsync(CancellationToken abandoned)
    {
        SentAt.Add(clock.Now);
        _freeAt = EndOf(Math.Max(clock.Now, _freeAt));
        var answer = new TaskCompletionSource<LoadOutcome>();
        clock.At(_freeAt, () => answer.SetResult(LoadOutcome.Answered));
        return answer.Task;
    }

    public long[] WaitsOf(IEnumerable<long> dueInstants)
    {
        long free = 0;
        return [.. dueInstants.Select(due =>
        {
            free = EndOf(Math.Max(due, free));
            return free - due;
        })];
    }

    public static long Nanoseconds(TimeSpan span) => span.Ticks * TimeSpan.NanosecondsPerTick;

    private long EndOf(long start) => (start >= _stallFrom && start < _stallTo ? _stallTo : start) + _service;
}
