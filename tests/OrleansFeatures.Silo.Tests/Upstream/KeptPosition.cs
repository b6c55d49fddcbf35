using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Upstream;

/// <summary>Waits for positions to be kept.</summary>
internal static class KeptPosition
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    /// <summary>Waits until a partition's position is kept at a place; <paramref name="state"/> is what a failure tells beside.</summary>
    public static async Task IsAsync(UpstreamPositions positions, UpstreamPartition partition, long sequence, Func<string> state)
    {
        using var looks = new PeriodicTimer(Look);
        using var patience = new CancellationTokenSource(Patience);
        UpstreamPosition? kept = null;
        while (kept?.Sequence != sequence)
        {
            kept = await positions.FindAsync(partition, Eventually.Token);
            if (patience.IsCancellationRequested)
            {
                throw new TimeoutException($"{partition} is kept at {kept}, and not at {sequence}; {state()}");
            }

            await looks.WaitForNextTickAsync(Eventually.Token);
        }

        kept.Value.Offset.ShouldBe(HubInMemory.OffsetOf(sequence));
    }
}
