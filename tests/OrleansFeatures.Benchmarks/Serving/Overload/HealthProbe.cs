using System.Diagnostics;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using OrleansFeatures.Server.Load;

namespace OrleansFeatures.Benchmarks.Serving.Overload;

/// <summary>Asks for health twenty times a second over a connection of its own, as a load balancer would, from start to disposal.</summary>
internal sealed class HealthProbe : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(50);

    private readonly GrpcChannel _channel;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _asking;
    private int _failed;

    public HealthProbe(string address)
    {
        _channel = GrpcChannel.ForAddress(address);
        _asking = AskAsync();
    }

    public LatencyHistogram Latency { get; } = new(LatencyHistogram.ThreeDigits);

    public int Failed => _failed;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _asking;
        _channel.Dispose();
        _end.Dispose();
    }

    private async Task AskAsync()
    {
        var health = new Grpc.Health.V1.Health.HealthClient(_channel);
        using var ticks = new PeriodicTimer(Every);
        while (!_end.IsCancellationRequested)
        {
            long asked = Stopwatch.GetTimestamp();
            try
            {
                HealthCheckResponse answer = await health.CheckAsync(new HealthCheckRequest(), deadline: DateTime.UtcNow.AddSeconds(5));
                _failed += answer.Status == HealthCheckResponse.Types.ServingStatus.Serving ? 0 : 1;
            }
            catch (RpcException)
            {
                _failed++;
            }

            Latency.Record(Stopwatch.GetElapsedTime(asked));
            await ((Task)ticks.WaitForNextTickAsync(_end.Token).AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
