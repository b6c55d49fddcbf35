using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.V1;

namespace OrleansFeatures.Acceptance.Tests.Faults;

/// <summary>Clients that send and never read what they are answered: acknowledgements of pushes, rows of training queries.</summary>
public sealed class SilentReaderTests : IDisposable
{
    private const int Pushers = 100;
    private const int Trainers = 50;
    private const int TrainingRows = 20_000;

    /// <summary>What each pusher tries to get through: 40 MB of requests and some 2 MB of acknowledgements, far beyond every buffer.</summary>
    private const int BatchesPerPusher = 2_000;

    /// <summary>
    /// Per pusher 4 MB of requests in its stream's window, 32 batches under way and some buffers: 8 MB. Per trainer 12 cells of 40 bytes a row, 10 MB. The garbage collector
    /// may let as much lie around again.
    /// </summary>
    private const long MemoryGrowthMax = 2 * ((Pushers * 8L) + (Trainers * 10L)) << 20;

    /// <summary>Clients that have sent nothing while so many others were served are stuck.</summary>
    private const int ServedMeanwhile = 40;

    private static readonly TimeSpan StuckWithin = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("orleans-features-");
    private long _sent;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Clients_that_do_not_read_are_slowed_hold_bounded_memory_and_all_others_are_served()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerStart(Path.Combine(_folder.FullName, "data")));
        var cards = new CardTraffic(server.Connect());
        await cards.PushAsync(batches: 100);
        long before = server.ResidentBytes;
        using var done = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task[] silent =
        [
            .. Enumerable.Range(0, Pushers).Select(_ => PushAndNotReadAsync(server.Connect(), cards, done.Token)),
            .. Enumerable.Range(0, Trainers).Select(_ => TrainAndNotReadAsync(server.Connect(), done.Token)),
        ];

        long most = await ServeUntilStuckAsync(cards, server);
        silent.Count(client => client.IsCompleted).ShouldBe(0, "nobody is given up so soon");
        (most - before).ShouldBeLessThan(MemoryGrowthMax);

        await done.CancelAsync();
        await Task.WhenAll(silent);
        await cards.PushAsync(batches: 20);
        await cards.ShouldHoldWhatWasAcknowledgedAsync();
        server.Said.ShouldBeEmpty();
    }

    /// <summary>Pushes and reads as an ordinary client. Returns the most memory that the server held.</summary>
    private async Task<long> ServeUntilStuckAsync(CardTraffic cards, RunningServer server)
    {
        long most = 0;
        (long sent, int since) = (0, 0);
        for (var running = Stopwatch.StartNew(); since < ServedMeanwhile || sent < Pushers; since++)
        {
            running.Elapsed.ShouldBeLessThan(StuckWithin, $"{sent} batches have been sent without their acknowledgements being read");
            await cards.PushAsync();
            (long found, long expected) = await cards.CountAsync(customer: since);
            found.ShouldBe(expected);
            most = Math.Max(most, server.ResidentBytes);
            long now = Interlocked.Read(ref _sent);
            (sent, since) = (now, now == sent ? since : 0);
        }

        return most;
    }

    /// <summary>Pushes the same events again and again, which costs the store nothing but the acknowledgements.</summary>
    private async Task PushAndNotReadAsync(GrpcChannel channel, CardTraffic cards, CancellationToken done)
    {
        using AsyncDuplexStreamingCall<PushRequest, PushResponse> call = new IngestService.IngestServiceClient(channel).PushStream(cancellationToken: done);
        PushRequest batch = cards.Batch(0);
        try
        {
            for (int number = 0; number < BatchesPerPusher; number++)
            {
                await call.RequestStream.WriteAsync(batch, done);
                Interlocked.Increment(ref _sent);
            }
        }
        catch (Exception ended) when (done.IsCancellationRequested && ended is RpcException or OperationCanceledException)
        {
            // The test is over.
        }
    }

    /// <summary>Asks for rows, reads the answer's headers, and no message.</summary>
    private static async Task TrainAndNotReadAsync(GrpcChannel channel, CancellationToken done)
    {
        using AsyncDuplexStreamingCall<TrainingRequest, TrainingResponse> call = new FeatureService.FeatureServiceClient(channel).GetTrainingFeatures(cancellationToken: done);
        var rows = new TrainingRequest { What = new FeatureSelection { FeatureService = "fraud" } };
        rows.Keys.Add(new KeyColumn { Field = "customer_id", Int64S = { Enumerable.Range(0, TrainingRows).Select(row => row % 500L) } });
        rows.Keys.Add(new KeyColumn { Field = "terminal_id", Int64S = { Enumerable.Range(0, TrainingRows).Select(row => row % 1_000L) } });
        rows.AsOfMicros.Add(Enumerable.Range(0, TrainingRows).Select(row => CardTraffic.TimeOf(row)));
        await call.RequestStream.WriteAsync(rows, done);
        await call.RequestStream.CompleteAsync();
        await call.ResponseHeadersAsync;
        var over = new TaskCompletionSource();
        await using CancellationTokenRegistration registration = done.Register(over.SetResult);
        await over.Task;
    }
}
