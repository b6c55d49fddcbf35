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

    /// <summary>On a thread of its own, which costs some 100 us: for what takes long, by its own work or because it blocks for a disk or a database.</summary>
    public static Task<T> RunApart<T>(Func<T> work, CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.DenyChildAttach | TaskCreationOptions.LongRunning, Scheduler);

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

    /// <summary>Enters a semaphore with patience; the caller releases it. As <c>SemaphoreSlim.WaitAsync</c> with a token, which would come back by way of the thread pool.</summary>
    public static async Task EnterAsync(SemaphoreSlim gate, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Task entered = gate.WaitAsync();
        try
        {
            await WaitAsync(entered, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Its turn still comes, and passes to the next.
            _ = entered.ContinueWith(static (_, gate) => ((SemaphoreSlim)gate!).Release(), gate, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Current);
            throw;
        }
    }

    private static TaskScheduler Scheduler => (TaskScheduler?)SteppedScheduler.Ambient ?? TaskScheduler.Default;
}
