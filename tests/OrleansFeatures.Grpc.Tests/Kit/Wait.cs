using System.Runtime.CompilerServices;

namespace Grpc.Tests.Kit;

/// <summary>Waits that end when something happens, and say what did not happen when it does not.</summary>
internal static class Wait
{
    /// <summary>Generous: the tests share a machine with others. Only a failing test waits so long.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<T> For<T>(Task<T> task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        try
        {
            return await task.WaitAsync(Patience, Token);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"'{what}' did not happen within {Patience}.");
        }
    }

    public static async Task For(Task task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        try
        {
            await task.WaitAsync(Patience, Token);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"'{what}' did not happen within {Patience}.");
        }
    }

    public static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static TaskCompletionSource<T> Signal<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
