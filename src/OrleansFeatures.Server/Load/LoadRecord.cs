using System.Collections.Concurrent;

namespace OrleansFeatures.Server.Load;

/// <summary>Failures of one code: how many, and what the first of them said.</summary>
internal sealed class LoadFailures(string firstDetail)
{
    private long _count;

    public long Count => Interlocked.Read(ref _count);

    public string FirstDetail { get; } = firstDetail;

    public void Add() => Interlocked.Increment(ref _count);
}

/// <summary>
/// What became of every request of one lane. The invariant: each request that was due within the measured time is counted in exactly one of
/// <see cref="Answered"/> and the <see cref="Failures"/>, once the run has ended. Any thread may record; readers see the state of the moment.
/// <para>
/// <see cref="Latency"/> is what users met: from the instant the request was due, so with the time that it could not be sent in. It covers
/// answers and those who waited in vain (no answer in time, never sent), who count with the time that they waited: leaving them out would
/// reward a server for not answering. A refusal is not in it: a server that refuses fast must not look fast.
/// </para>
/// </summary>
internal sealed class LoadRecord(TimeSpan duration)
{
    /// <summary>Due, but there were too many under way until the run was over.</summary>
    public const string NeverSent = "NEVER_SENT";

    /// <summary>Sent, and still without any answer when the run was over.</summary>
    public const string NoAnswer = "NO_ANSWER";

    private readonly ConcurrentDictionary<string, LoadFailures> _failures = new();
    private long _answered;
    private long _due;

    /// <summary>From when a request was due until it was answered.</summary>
    public LatencyHistogram Latency { get; } = new(LatencyHistogram.ThreeDigits);

    /// <summary>From when it was sent: what a generator that waits for answers would report. For comparison only.</summary>
    public LatencyHistogram FromSending { get; } = new(LatencyHistogram.ThreeDigits);

    /// <summary>From when it was due until it was sent: the generator's own error, or the wait while too many were under way.</summary>
    public LatencyHistogram SendDelay { get; } = new(LatencyHistogram.ThreeDigits);

    public LoadTimeline Timeline { get; } = new(duration);

    public long Due => Interlocked.Read(ref _due);

    public long Answered => Interlocked.Read(ref _answered);

    public long Failed => _failures.Values.Sum(failures => failures.Count);

    public IReadOnlyDictionary<string, LoadFailures> Failures => _failures;

    public void AddDue(long dueSinceStart)
    {
        Interlocked.Increment(ref _due);
        Timeline.At(dueSinceStart).AddDue();
    }

    public void AddSent(long delay) => SendDelay.Record(delay);

    /// <param name="dueSinceStart">When it was due, in nanoseconds since the measured time began.</param>
    /// <param name="waited">From then until now, in nanoseconds.</param>
    /// <param name="sinceSent">From sending until now; null when it was never sent.</param>
    /// <param name="outcome">How it ended.</param>
    public void AddEnded(long dueSinceStart, long waited, long? sinceSent, LoadOutcome outcome)
    {
        LoadTimeline.Slot slot = Timeline.At(dueSinceStart);
        if (outcome.Code is LoadOutcome.Ok or LoadOutcome.DeadlineExceeded or NeverSent or NoAnswer)
        {
            Latency.Record(waited);
            slot.Latency.Record(waited);
            if (sinceSent is { } nanoseconds)
            {
                FromSending.Record(nanoseconds);
            }
        }

        if (outcome.IsOk)
        {
            Interlocked.Increment(ref _answered);
        }
        else
        {
            _failures.GetOrAdd(outcome.Code, static (_, detail) => new LoadFailures(detail), outcome.Detail).Add();
            slot.AddFailed();
        }
    }
}
