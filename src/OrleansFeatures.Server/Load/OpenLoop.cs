namespace OrleansFeatures.Server.Load;

/// <summary>
/// Sends requests when they are due, whatever the server does. The instants are fixed before the run by rate and seed (<see cref="Arrivals"/>): a server that
/// stalls does not get fewer requests, and a request's time runs from the instant it was due, not from when it could be sent. A generator
/// that waits for each answer before it sends the next request measures one slow request where a thousand users would have waited (the
/// "coordinated omission"); here each of the thousand is recorded:
/// <code>
///   due      |  |  |  |  |  |  |  |  |        arrivals, by one thread
///   server   ok ok [ stalls          ] ok     at most UnderWayMax without an answer; then requests wait, in order, unsent
///   waited   ·  ·  =========== ====== ... ·   from due to answered, for each
/// </code>
/// One dedicated thread paces all lanes, always the request that is due next, and calls the target, which returns at its first wait. Answers are recorded on
/// the threads on which they arrive. Invariant: after the run, what was due = answered + failed, in every lane; what could not be sent, or
/// had no answer until the end of the drain, has failed as such.
/// </summary>
internal sealed class OpenLoop : IDisposable
{
    private const long NotYet = long.MinValue;

    private readonly ILoadClock _clock;
    private readonly OpenLoopOptions _options;
    private readonly Lane[] _lanes;
    private readonly SemaphoreSlim _room;
    private readonly CancellationTokenSource _abandoned = new();
    private readonly TimeSpan _duration;
    private long _begin = NotYet;
    private long _end = NotYet;
    private long _giveUp;
    private Exception? _bug;

    /// <exception cref="ArgumentException">The warm-up is as long as the longest lane.</exception>
    public OpenLoop(ILoadClock clock, IReadOnlyList<LoadLane> lanes, OpenLoopOptions options)
    {
        (_clock, _options) = (clock, options);
        _duration = lanes.Max(lane => lane.Arrivals.Profile.Duration);
        if (options.WarmUp >= _duration)
        {
            throw new ArgumentException($"a warm-up of {options.WarmUp} leaves nothing of {_duration} to measure", nameof(options));
        }

        _lanes = [.. lanes.Select(lane => new Lane(lane, new LoadRecord(_duration - options.WarmUp)))];
        _room = new SemaphoreSlim(options.UnderWayMax, options.UnderWayMax);
    }

    /// <summary>What has been measured so far, by lane, in the order given.</summary>
    public IReadOnlyList<(string Name, LoadRecord Record)> Records => [.. _lanes.Select(lane => (lane.Definition.Name, lane.Record))];

    /// <summary>The length of the run with its warm-up, as planned.</summary>
    public TimeSpan Duration => _duration;

    /// <summary>How far the run is, warm-up included and drain not; its length once it has ended; zero before it starts.</summary>
    public TimeSpan Elapsed => _begin == NotYet ? TimeSpan.Zero : Span(Math.Clamp((_end == NotYet ? _clock.Now : _end) - _begin, 0, Nanoseconds(_duration)));

    /// <summary>The measured part of <see cref="Elapsed"/>: without the warm-up.</summary>
    public TimeSpan Measured => Elapsed > _options.WarmUp ? Elapsed - _options.WarmUp : TimeSpan.Zero;

    /// <summary>What this process used of its processors from the first measured request until the last answer; zero before the end.</summary>
    public TimeSpan CpuTime { get; private set; }

    /// <summary>Requests sent that have no answer yet.</summary>
    public int UnderWay => _options.UnderWayMax - _room.CurrentCount;

    /// <summary>Runs on a thread of its own. Cancelled, it sends nothing more, drains, and ends normally: what was measured until then stands.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => Task.Factory.StartNew(
        () =>
        {
            MonotonicClock.PrepareThread();
            Run(cancellationToken);
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    /// <summary>As <see cref="RunAsync"/>, on the calling thread.</summary>
    public void Run(CancellationToken cancellationToken)
    {
        TimeSpan? cpu = null;
        _begin = _clock.Now;
        _giveUp = _begin + Nanoseconds(_duration + _options.Drain);
        while (NextDue() is { } lane && WaitUntil(_begin + lane.Due!.Value, cancellationToken))
        {
            cpu ??= IsMeasured(lane.Due.Value) ? _clock.CpuTime : null;
            Issue(lane, cancellationToken);
            lane.Advance();
        }

        _end = cancellationToken.IsCancellationRequested ? _clock.Now : _begin + Nanoseconds(_duration);
        DrainAnswers();
        CpuTime = cpu is { } before ? _clock.CpuTime - before : TimeSpan.Zero;
        if (_bug is not null)
        {
            throw new InvalidOperationException("a load target threw; it must answer with an outcome", _bug);
        }
    }

    public void Dispose()
    {
        _room.Dispose();
        _abandoned.Dispose();
    }

    private Lane? NextDue()
    {
        Lane? next = null;
        foreach (Lane lane in _lanes)
        {
            if (lane.Due is { } due && (next is null || due < next.Due))
            {
                next = lane;
            }
        }

        return next;
    }

    /// <summary>False when the run was cancelled, or met a bug, meanwhile. Long waits are cut so that a cancelled run ends soon.</summary>
    private bool WaitUntil(long instant, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested && _bug is null)
        {
            long until = Math.Min(instant, _clock.Now + Limits.LoadLookNanoseconds);
            _clock.SleepUntil(until);
            if (until == instant)
            {
                return true;
            }
        }

        return false;
    }

    private void Issue(Lane lane, CancellationToken cancellationToken)
    {
        long dueSinceStart = lane.Due!.Value;
        var request = new Request(lane.Definition.Target, IsMeasured(dueSinceStart) ? lane.Record : null, dueSinceStart);
        request.Record?.AddDue(SinceMeasured(request));
        bool hasRoom = _clock.Take(_room, 0);
        while (!hasRoom && _clock.Now < _giveUp && !cancellationToken.IsCancellationRequested)
        {
            hasRoom = _clock.Take(_room, Math.Min(_giveUp, _clock.Now + Limits.LoadLookNanoseconds));
        }

        if (hasRoom)
        {
            _ = FollowAsync(request);
        }
        else
        {
            End(request, sent: null, new LoadOutcome(LoadRecord.NeverSent, $"{_options.UnderWayMax} requests were under way until the end of the run"));
        }
    }

    private async Task FollowAsync(Request request)
    {
        try
        {
            long sent = _clock.Now;
            request.Record?.AddSent(sent - _begin - request.Due);
            LoadOutcome outcome = await request.Target.SendAsync(_abandoned.Token).ConfigureAwait(false);
            bool hasNoAnswer = !outcome.IsOk && _abandoned.IsCancellationRequested;
            End(request, sent, hasNoAnswer ? new LoadOutcome(LoadRecord.NoAnswer, $"nothing came within {_options.Drain.TotalSeconds:F0} s after the run") : outcome);
        }
        catch (Exception exception)
        {
            // Of any kind: a target that throws is a bug of ours, with which the run ends. Nobody awaits this method.
            Interlocked.CompareExchange(ref _bug, exception, null);
        }

        _room.Release();
    }

    private void End(Request request, long? sent, LoadOutcome outcome)
    {
        long now = _clock.Now;
        request.Record?.AddEnded(SinceMeasured(request), now - _begin - request.Due, now - sent, outcome);
    }

    /// <summary>Waits for what is under way: all permits are back when all answers are. After the drain, calls are abandoned, and end by that.</summary>
    private void DrainAnswers()
    {
        _giveUp = Math.Min(_giveUp, _clock.Now + Nanoseconds(_options.Drain));
        for (int back = 0; back < _options.UnderWayMax;)
        {
            if (_clock.Take(_room, _giveUp))
            {
                back++;
            }
            else if (_clock.Now >= _giveUp)
            {
                _abandoned.Cancel();
                _giveUp = _clock.Now + Limits.LoadLookNanoseconds;
            }
        }

        _room.Release(_options.UnderWayMax);
    }

    private bool IsMeasured(long dueSinceStart) => dueSinceStart >= Nanoseconds(_options.WarmUp);

    private long SinceMeasured(Request request) => request.Due - Nanoseconds(_options.WarmUp);

    private static long Nanoseconds(TimeSpan span) => span.Ticks * TimeSpan.NanosecondsPerTick;

    private static TimeSpan Span(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick);

    /// <summary>A request: whom it goes to, where it is counted (nowhere in the warm-up), and when it is due, in nanoseconds since the start.</summary>
    private readonly record struct Request(ILoadTarget Target, LoadRecord? Record, long Due);

    /// <summary>A lane under way: when its next request is due, in nanoseconds since the start; null after the last.</summary>
    private sealed class Lane
    {
        public Lane(LoadLane definition, LoadRecord record)
        {
            (Definition, Record) = (definition, record);
            Advance();
        }

        public LoadLane Definition { get; }

        public LoadRecord Record { get; }

        public long? Due { get; private set; }

        public void Advance() => Due = Definition.Arrivals.Next();
    }
}
