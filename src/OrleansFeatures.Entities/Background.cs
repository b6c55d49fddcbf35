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

    /// <summary>Waits for a task with patience. As <c>Task.WaitAsync</c>, which would come back by way of the thread pool.</summary>
    public static Task WaitAsync(Task task, CancellationToken cancellationToken) =>
        task.IsCompleted || !cancellationToken.CanBeCanceled
            ? task
            : task.ContinueWith(static done => done, cancellationToken, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Current).Unwrap();

    /// <summary>Waits until one of two tasks is done, however it ends. As <c>Task.WhenAny</c>, which would come back by way of the thread pool.</summary>
    public static Task EitherAsync(Task one, Task other)
    {
        var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (Task task in (ReadOnlySpan<Task>)[one, other])
        {
            task.ContinueWith(static (_, first) => ((TaskCompletionSource)first!).TrySetResult(), first, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Current);
        }

        return first.Task;
    }

    private static TaskScheduler Scheduler => (TaskScheduler?)SteppedScheduler.Ambient ?? TaskScheduler.Default;
}
