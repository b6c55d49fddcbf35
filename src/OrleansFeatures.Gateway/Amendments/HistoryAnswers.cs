using System.Diagnostics.CodeAnalysis;
using OrleansFeatures.Entities;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>
/// Asks the log about predictions that live state has forgotten, some together, because each time costs a pass over the log: one at a time, beside whoever follows, and for at most a tenth of the time. What it finds is
/// handed over to be written; a prediction that has been marked again meanwhile is asked again. Belongs to one thread.
/// </summary>
internal sealed class HistoryAnswers(PredictionTable table, Recheck recheck, TimeProvider time) : IProgress<HistoryProgress>, IAsyncDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private Task<AmendmentStep>? _asking;
    private long _began;
    private TimeSpan _took;
    private long _ended;

    /// <summary>What was found, once; begins to ask when it is time.</summary>
    /// <exception cref="Log.LogException">The log could not be read; the next try is after a pause.</exception>
    public bool TryTake([NotNullWhen(true)] out AmendmentStep? found)
    {
        found = null;
        if (_asking is null)
        {
            TimeSpan pause = Limits.HistoryAnswersShare * _took;
            if (_ended == 0 || time.GetElapsedTime(_ended) >= (pause > Limits.HistoryAnswersPause ? pause : Limits.HistoryAnswersPause))
            {
                _began = 0;
                _asking = Task.Run(AskAsync);
            }

            return false;
        }

        if (!_asking.IsCompleted)
        {
            return false;
        }

        (Task<AmendmentStep> asked, _asking) = (_asking, null);
        _ended = time.GetTimestamp();
        long began = Volatile.Read(ref _began);
        _took = began == 0 ? TimeSpan.Zero : time.GetElapsedTime(began, _ended);
        found = asked.GetAwaiter().GetResult();
        return true;
    }

    /// <summary>The pass over the log has begun. What it waited for its turn, behind training queries, is nothing that it took.</summary>
    void IProgress<HistoryProgress>.Report(HistoryProgress value) => Interlocked.CompareExchange(ref _began, time.GetTimestamp(), 0);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await ((Task?)_asking ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ending.Dispose();
    }

    private async Task<AmendmentStep> AskAsync()
    {
        var step = new AmendmentStep();
        List<(Prediction Prediction, byte[] Due)> due = table.Due(Limits.RowsPerReadMax);
        await recheck.HistoryAsync(due.Select(one => new RecheckQuestion(one.Prediction, one.Due.Length == 0 ? null : AmendmentCause.Parser.ParseFrom(one.Due), one.Due)), step, this, _ending.Token).ConfigureAwait(false);
        return step;
    }
}
