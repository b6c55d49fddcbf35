using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.History;

/// <summary>
/// A pass over the log that meets a cut is made again from where the log begins then: nothing is answered from a pass before it is over, and the next one knows what is missing. A cut comes with a checkpoint or an hour of retention, and
/// takes what is oldest, which a pass reads first; so the second as a rule is whole.
/// </summary>
internal static class UncutPass
{
    /// <param name="pass">Asks anew where the log begins and what is missing, each time.</param>
    /// <exception cref="HistoryCutException">It met a cut <see cref="Limits.HistoryTriesMax"/> times.</exception>
    public static T Make<T>(Func<T> pass)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return pass();
            }
            catch (LogTruncatedException cut)
            {
                if (attempt == Limits.HistoryTriesMax)
                {
                    throw new HistoryCutException(cut);
                }
            }
        }
    }
}

/// <summary>Old history was dropped where a pass over the log was about to read it, and again each time that the pass was made anew. Nothing was answered.</summary>
public sealed class HistoryCutException(LogTruncatedException cut) : LogException(
    $"old history was dropped while it was being read, {Limits.HistoryTriesMax} times one after the other; the log begins at sequence {cut.FirstSequence} now. Ask again: what would need what is gone answers OUTSIDE_RETENTION. "
    + "If it happens again, keep more history (--history), so that what is read is not what goes", cut);
