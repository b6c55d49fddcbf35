using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// A producer with several connections, one push stream on each. Connections take batches from one queue in the order of the file, and each keeps up
/// to so many unacknowledged.
/// </summary>
internal sealed class PushTraffic(string server, PushRequest[] batches, int inFlight) : IDisposable
{
    private readonly List<GrpcChannel> _channels = [];
    private readonly long[] _sentAt = new long[batches.Length + 1];
    private readonly double[] _latencies = new double[batches.Length];
    private int _next = -1;
    private long _accepted;
    private long _others;

    /// <summary>Opens the connections, so that the clock does not count their handshakes.</summary>
    public async Task ConnectAsync(int connections)
    {
        for (int index = 0; index < connections; index++)
        {
            _channels.Add(GrpcChannel.ForAddress(server));
            await new AdminService.AdminServiceClient(_channels[index]).GetStatusAsync(new GetStatusRequest());
        }
    }

    /// <summary>Ends when every batch has been acknowledged.</summary>
    public Task PushAsync() => Task.WhenAll(_channels.Select(channel => Task.Run(() => PushAsync(channel))));

    /// <summary>Ends when every partition has applied all that is durable: then any read sees every event.</summary>
    public async Task WaitAppliedAsync()
    {
        while ((await StatusAsync()).Partitions.Any(partition => partition.AppliedOffset < partition.DurableOffset))
        {
        }
    }

    public async Task<long> RecordsAsync() => (await StatusAsync()).Partitions.Sum(partition => (long)partition.DurableOffset);

    public void RequireAccepted(int events)
    {
        if (_accepted != events || _others != 0)
        {
            throw new InvalidOperationException($"{_accepted:N0} of {events:N0} events were accepted, {_others:N0} were duplicate, late or refused");
        }
    }

    /// <summary>From sending a batch to its acknowledgement, in milliseconds, ascending.</summary>
    public double[] Latencies() => [.. _latencies.Order()];

    public void Dispose() => _channels.ForEach(channel => channel.Dispose());

    private async Task<GetStatusResponse> StatusAsync() => await new AdminService.AdminServiceClient(_channels[0]).GetStatusAsync(new GetStatusRequest());

    private async Task PushAsync(GrpcChannel channel)
    {
        using AsyncDuplexStreamingCall<PushRequest, PushResponse> call = new IngestService.IngestServiceClient(channel).PushStream();
        using var room = new SemaphoreSlim(inFlight);
        Task receiving = ReceiveAsync(call.ResponseStream, room);
        int index;
        while ((index = Interlocked.Increment(ref _next)) < batches.Length)
        {
            await room.WaitAsync();
            _sentAt[batches[index].Sequence] = Stopwatch.GetTimestamp();
            await call.RequestStream.WriteAsync(batches[index]);
        }

        await call.RequestStream.CompleteAsync();
        await receiving;
    }

    private async Task ReceiveAsync(IAsyncStreamReader<PushResponse> responses, SemaphoreSlim room)
    {
        while (await responses.MoveNext(CancellationToken.None))
        {
            PushResponse answer = responses.Current;
            _latencies[answer.Sequence - 1] = Stopwatch.GetElapsedTime(_sentAt[answer.Sequence]).TotalMilliseconds;
            Interlocked.Add(ref _accepted, (long)answer.Accepted);
            Interlocked.Add(ref _others, (long)(answer.Duplicates + answer.Late + answer.Quarantined));
            room.Release();
        }
    }
}
