using OrleansFeatures.Domain;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Remote;

namespace OrleansFeatures.Entities.Reads;

/// <summary>What became of one row of a read that may be answered in part. The numbers are those of the wire's RowStatus.</summary>
public enum RowOutcome : byte
{
    /// <summary>Its values are there.</summary>
    Answered = 0,

    /// <summary>Its turn did not come in time.</summary>
    OutOfTime = 1,

    /// <summary>Whoever has one of its entities does not answer at the moment; a retry may find an owner.</summary>
    Unavailable = 2,

    /// <summary>One of its entities is damaged, or met a bug of ours; no retry mends that.</summary>
    Lost = 3,
}

/// <summary>
/// How far a read that may be answered in part has come: until when there is time, and what became of each row. Without one (<see cref="FeatureRead.Partial"/> is null), a read is answered whole or fails.
/// <para>Two clocks end the time, and whichever says so first is believed: a token, for whoever waits, and a look at the clock between two rows, because on a busy machine the timer behind the token is late just when it matters.</para>
/// Outcomes are written by whoever fills the read.
/// </summary>
public sealed class PartialRows : IDisposable
{
    private readonly RowOutcome[] _outcomes;
    private readonly TimeProvider _time;
    private readonly TimeSpan _within;
    private readonly long _began;
    private readonly CancellationTokenSource _over;

    /// <param name="rows">As many as the read has.</param>
    /// <param name="within">From now on; <see cref="Timeout.InfiniteTimeSpan"/> for as long as the host has patience, zero or less for no time at all.</param>
    /// <param name="time">What measures it.</param>
    public PartialRows(int rows, TimeSpan within, TimeProvider time)
    {
        (_outcomes, _time, _began) = (new RowOutcome[rows], time, time.GetTimestamp());
        _within = within == Timeout.InfiniteTimeSpan ? TimeSpan.MaxValue : within > TimeSpan.Zero ? within : TimeSpan.Zero;
        _over = within == Timeout.InfiniteTimeSpan || _within > Limits.PartialTimeMax ? new CancellationTokenSource() : new CancellationTokenSource(_within, time);
    }

    /// <summary>Fires when the time is over.</summary>
    public CancellationToken Over => _over.Token;

    /// <summary>Whether the time is over. Costs a look at the clock.</summary>
    public bool IsOver => _over.IsCancellationRequested || _time.GetElapsedTime(_began) >= _within;

    /// <summary>What is left of the time; never negative, <see cref="Timeout.InfiniteTimeSpan"/> where it has no end.</summary>
    public TimeSpan Left => _within == TimeSpan.MaxValue ? Timeout.InfiniteTimeSpan : IsOver ? TimeSpan.Zero : _within - _time.GetElapsedTime(_began);

    /// <summary>By row.</summary>
    public ReadOnlySpan<RowOutcome> Outcomes => _outcomes;

    /// <summary>Whether every row has its values.</summary>
    public bool IsWhole => !_outcomes.AsSpan().ContainsAnyExcept(RowOutcome.Answered);

    public bool IsGivenUp(int row) => _outcomes[row] != RowOutcome.Answered;

    /// <summary>What such a failure makes of the row that met it; null for one that concerns the whole read.</summary>
    public static RowOutcome? OutcomeOf(Exception failure) => failure switch
    {
        EntityUnreadableException or InvariantException => RowOutcome.Lost,
        PartitionUnavailableException => RowOutcome.Unavailable,
        _ => null,
    };

    public void Dispose() => _over.Dispose();

    internal void Note(int row, RowOutcome outcome) => _outcomes[row] = outcome;
}
