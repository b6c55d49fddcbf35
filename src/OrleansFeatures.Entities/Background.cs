using OrleansFeatures.Log;

namespace OrleansFeatures.Entities;

/// <summary>
/// Starts what runs beside its caller: on the thread pool, or under a simulation among its steps (<see cref="SteppedScheduler"/>). Long work should <c>await Task.Yield()</c> now and then where it
/// may be interrupted: a simulation can interleave nothing else with it.
/// </summary>
internal static class Background
{
    public static Task Run(Action work, CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.DenyChildAttach, Scheduler);

    public static Task<T> Run<T>(Func<T> work, CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.DenyChildAttach, Scheduler);

    public static Task Run(Func<Task> work, CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.DenyChildAttach, Scheduler).Unwrap();

    public static Task<T> Run<T>(Func<Task<T>> work, CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.DenyChildAttach, Scheduler).Unwrap();

    private static TaskScheduler Scheduler => (TaskScheduler?)SteppedScheduler.Ambient ?? TaskScheduler.Default;
}
