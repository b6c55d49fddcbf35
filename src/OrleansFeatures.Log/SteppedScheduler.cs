namespace OrleansFeatures.Log;

/// <summary>
/// The seam through which a simulation decides what runs next. A store that is opened in a task of such a scheduler starts no thread: the log's commits, the partition loops and everything
/// else that it does on the side become tasks of that scheduler, and every wait comes back to it. One seed then is one history of the whole store.
/// <para>It rests on two rules for the projects <c>Log</c> and <c>Entities</c>, which their <c>BannedSymbols.txt</c> make the compiler insist on: what runs on the side is started with this
/// scheduler in mind and never by <c>Task.Run</c>, and no wait says <c>ConfigureAwait(false)</c>, which would leave the scheduler for the thread pool. (In a server there is no context to go back
/// to, so the rule costs nothing there.)</para>
/// An implementer runs its tasks one at a time.
/// </summary>
public abstract class SteppedScheduler : TaskScheduler
{
    /// <summary>The scheduler of the calling task, if it is one of these; null in production.</summary>
    public static SteppedScheduler? Ambient => Current as SteppedScheduler;
}
