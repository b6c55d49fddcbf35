using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>
/// How a silo leaves: steps, one after the other, each with its own time and all of them within one limit. A step that is not done in time is left behind and the next begins, because whatever comes
/// later does more good than harm: a silo that hangs is declared dead by the others anyway, and they replay from its last checkpoints.
/// <code>
///   not ready ── grace ──> calls end ──> partitions: applied, checkpointed ──> Orleans leaves the cluster, partitions start elsewhere
/// </code>
/// </summary>
internal sealed class Drain(TimeProvider time, ILogger logger)
{
    /// <summary>Runs the steps. False: one of them was not done, and the log says which.</summary>
    public async Task<bool> RunAsync(IEnumerable<DrainStep> steps, TimeSpan most)
    {
        long began = time.GetTimestamp();
        bool done = true;
        foreach (DrainStep step in steps)
        {
            TimeSpan left = most - time.GetElapsedTime(began);
            done &= await RunAsync(step, left < step.Most ? left : step.Most).ConfigureAwait(false);
        }

        logger.Left(time.GetElapsedTime(began).TotalMilliseconds, done);
        return done;
    }

    private async Task<bool> RunAsync(DrainStep step, TimeSpan within)
    {
        if (within <= TimeSpan.Zero)
        {
            logger.DrainStepSkipped(step.What);
            return false;
        }

        long began = time.GetTimestamp();
        using var over = new CancellationTokenSource(within, time);
        try
        {
            // The token asks the step to end, and the wait makes sure: what does not listen to it must not hold up the next step.
            await step.RunAsync(over.Token).WaitAsync(over.Token).ConfigureAwait(false);
            logger.DrainStepDone(step.What, time.GetElapsedTime(began).TotalMilliseconds);
            return true;
        }
        catch (Exception failure)
        {
            // The top of a step: the next one is to run whatever became of this.
            logger.DrainStepFailed(step.What, time.GetElapsedTime(began).TotalMilliseconds, failure);
            return false;
        }
    }
}

/// <param name="What">As the log says it.</param>
/// <param name="Most">The step's own limit.</param>
/// <param name="RunAsync">Ends early, by an exception, when its token fires.</param>
internal readonly record struct DrainStep(string What, TimeSpan Most, Func<CancellationToken, Task> RunAsync);
