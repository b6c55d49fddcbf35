using Grpc.Core;
using Grpc.Headers;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Grpc.Server;

/// <summary>
/// Shutdown. From the moment the host begins to stop, new calls are refused with UNAVAILABLE (Kestrel meanwhile announces GOAWAY and accepts
/// no connections); calls under way go on. Streams, which might go on forever, are ended with UNAVAILABLE after a grace period. Kestrel
/// aborts what is left when the host's shutdown time is over.
/// </summary>
internal sealed class CallDrain : IDisposable
{
    public static readonly Status ShuttingDown = new(StatusCode.Unavailable, "The server is shutting down. Retry on another connection.");

    private readonly CancellationTokenSource _graceOver = new();
    private readonly CancellationTokenRegistration _stopping;
    private readonly TimeProvider _time;
    private readonly TimeSpan _grace;
    private DeadlineTimer? _timer;
    private volatile bool _draining;

    public CallDrain(IHostApplicationLifetime lifetime, IOptions<HostOptions> host, IServiceProvider services)
    {
        _time = services.GetService<TimeProvider>() ?? TimeProvider.System;
        var half = host.Value.ShutdownTimeout / 2;
        _grace = half < Limits.DrainGrace ? half : Limits.DrainGrace;
        _stopping = lifetime.ApplicationStopping.Register(Begin);
    }

    public bool IsDraining => _draining;

    /// <summary>Fires when calls that are still running must end.</summary>
    public CancellationToken GraceOver => _graceOver.Token;

    public void Dispose()
    {
        _stopping.Dispose();
        _timer?.Dispose();
    }

    private void Begin()
    {
        _draining = true;
        _timer = new DeadlineTimer(_time, _time.GetUtcNow().UtcDateTime + _grace, static source => ((CancellationTokenSource)source).Cancel(), _graceOver);
    }
}
