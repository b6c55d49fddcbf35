using System.Diagnostics;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>Waits for what other threads or silos are about to do, and says what did not happen when it does not.</summary>
internal static class Eventually
{
    /// <summary>Generous: tests share a machine. Only a failing test waits so long.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Between two looks: short beside what a silo takes to come or go, long enough to leave the processors to those that are waited for.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static Task Is(Func<bool> condition, string what) => Is(condition, () => what);

    public static Task Is(Func<bool> condition, Func<string> what) => Is(() => Task.FromResult(condition()), what);

    public static async Task Is(Func<Task<bool>> condition, Func<string> what)
    {
        long start = Stopwatch.GetTimestamp();
        using var looks = new PeriodicTimer(Look);
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new TimeoutException($"{what()}: did not come true within {Patience}");
            }

            await looks.WaitForNextTickAsync(Token);
        }
    }

    /// <summary>The same for what comes within microseconds: between two looks it only lets others run.</summary>
    public static async Task Soon(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new TimeoutException($"{what}: did not come true within {Patience}");
            }

            await Task.Yield();
        }
    }

    public static async Task<T> Ends<T>(Task<T> task, string what)
    {
        try
        {
            return await task.WaitAsync(Patience, Token);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{what}: did not end within {Patience}");
        }
    }

    public static Task Ends(Task task, string what) => Ends(Wrapped(task), what);

    private static async Task<bool> Wrapped(Task task)
    {
        await task;
        return true;
    }
}
