namespace OrleansFeatures.Log.Tests.Faults;

/// <summary>Waits for something that another thread is about to do, without a clock: each look yields the processor.</summary>
internal static class Eventually
{
    public static async Task Is(Func<bool> condition)
    {
        while (!condition())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
