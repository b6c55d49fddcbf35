using System.Globalization;
using Grpc.Core;

namespace OrleansFeatures.Acceptance.Tests.Faults;

/// <summary>A server that may use less memory than its events need.</summary>
public sealed class MemoryPressureTests : IDisposable
{
    /// <summary>A server without events takes some 15 MB of it; ids and states of a million events do not fit.</summary>
    private const long HeapBytesMax = 128L << 20;

    private const int BatchesMax = 4_000_000 / CardTraffic.BatchEvents;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("orleans-features-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Short_of_memory_a_server_refuses_events_and_lives_and_with_more_memory_goes_on_where_it_was()
    {
        var start = new ServerStart(Path.Combine(_folder.FullName, "data"));
        var bounded = new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = HeapBytesMax.ToString("x", CultureInfo.InvariantCulture) };
        CardTraffic cards;
        await using (RunningServer small = await RunningServer.StartAsync(start with { Environment = bounded }))
        {
            cards = new CardTraffic(small.Connect());
            RpcException refused = await cards.PushUntilRefusedAsync(BatchesMax);
            refused.StatusCode.ShouldBe(StatusCode.ResourceExhausted, refused.Status.Detail);
            refused.Status.Detail.ShouldContain("memory");
            for (int read = 0; read < 100; read++)
            {
                await cards.ShouldHoldWhatWasAcknowledgedAsync();
            }

            small.HasExited.ShouldBeFalse(small.Said);
            await small.KillAsync();
        }

        await using RunningServer large = await RunningServer.StartAsync(start);
        cards = cards.Over(large.Connect());
        await cards.ShouldHoldWhatWasAcknowledgedAsync();
        await cards.PushAsync(batches: 20);
        await cards.ShouldHoldWhatWasAcknowledgedAsync();
    }
}
