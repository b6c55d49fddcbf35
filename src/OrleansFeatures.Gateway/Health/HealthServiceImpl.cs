using Grpc.Core;
using Grpc.Health.V1;

namespace OrleansFeatures.Gateway.Health;

/// <summary>
/// grpc.health.v1.Health: what load balancers and probes ask. A service has the status that was set last; the empty name stands for the whole
/// server. Safe for concurrent use; one instance answers every call.
/// </summary>
/// <remarks>
/// A watcher is told the newest status, not each one: changes that follow each other while it is being written to are folded into one, so a slow
/// watcher holds no queue. All watchers wait for the same task, which the next change replaces.
/// </remarks>
public sealed class HealthServiceImpl : Grpc.Health.V1.Health.HealthBase
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, HealthCheckResponse.Types.ServingStatus> _statuses = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _stopped;

    /// <summary>Sets a service's status, and tells its watchers. After <see cref="Stop"/> every service stays NOT_SERVING.</summary>
    public void SetStatus(string service, HealthCheckResponse.Types.ServingStatus status)
    {
        ArgumentNullException.ThrowIfNull(service);
        lock (_gate)
        {
            _statuses[service] = _stopped ? HealthCheckResponse.Types.ServingStatus.NotServing : status;
            Announce_NeedsLock();
        }
    }

    /// <summary>The same for every service that was ever set: the server as a whole can, or cannot, do its work.</summary>
    public void SetAll(HealthCheckResponse.Types.ServingStatus status)
    {
        lock (_gate)
        {
            SetAll_NeedsLock(_stopped ? HealthCheckResponse.Types.ServingStatus.NotServing : status);
        }
    }

    /// <summary>The server begins to stop: every service is NOT_SERVING from now on, watchers are told so and their streams end, so that they do not hold up the stop.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            SetAll_NeedsLock(HealthCheckResponse.Types.ServingStatus.NotServing);
        }
    }

    /// <summary>The status now. NOT_FOUND: no such service was ever set.</summary>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_gate)
        {
            return _statuses.TryGetValue(request.Service, out var status)
                ? Task.FromResult(new HealthCheckResponse { Status = status })
                : throw new RpcException(new Status(StatusCode.NotFound, $"No service '{request.Service}' is known here. Ask for '' to learn of the whole server."));
        }
    }

    /// <summary>The status now and after each change, SERVICE_UNKNOWN while the service is not known. Ends when the client cancels or the server stops.</summary>
    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(responseStream);
        ArgumentNullException.ThrowIfNull(context);
        HealthCheckResponse.Types.ServingStatus? told = null;
        while (true)
        {
            HealthCheckResponse.Types.ServingStatus status;
            Task changed;
            bool stopped;
            lock (_gate)
            {
                status = _statuses.GetValueOrDefault(request.Service, HealthCheckResponse.Types.ServingStatus.ServiceUnknown);
                (changed, stopped) = (_changed.Task, _stopped);
            }

            if (status != told)
            {
                await responseStream.WriteAsync(new HealthCheckResponse { Status = status }).ConfigureAwait(false);
                told = status;
            }

            if (stopped)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "The server is shutting down. Watch again on another connection."));
            }

            // Ends with the next change of any service, or when the call ends.
            await changed.WaitAsync(context.CancellationToken).ConfigureAwait(false);
        }
    }

    private void SetAll_NeedsLock(HealthCheckResponse.Types.ServingStatus status)
    {
        foreach (var service in _statuses.Keys.ToArray())
        {
            _statuses[service] = status;
        }

        Announce_NeedsLock();
    }

    private void Announce_NeedsLock()
    {
        _changed.SetResult();
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
