using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;

namespace OrleansFeatures.Gateway.Admission;

/// <summary>
/// Stands before every call, gRPC and REST, and refuses what would only wait in vain, before a byte of its body is looked at:
/// <code>
///   connection: CallsPerConnectionMax ──> thread pool's queue ──> here: late? too many? ──> lookups: RunQueue ──> transport reads the body ──> handler
///     (clients hold back the rest,           (QueueDelay measures)   (headers alone)          (a few at a time)
///      which costs nothing here)
/// </code>
/// A refused call costs what HTTP/2 costs, which is most of a small lookup; so the first bound, that of calls per connection, is the one that saves: what is not sent costs nothing. The others are for many
/// connections, and for calls that are much work. Why not System.Threading.RateLimiting: its limiters take a lock and make a lease for each call, and hold a permit for as long as the call lasts, where ours is held for as
/// long as it keeps a thread.
/// </summary>
public sealed class CallAdmission : IDisposable
{
    /// <summary>Metadata of gRPC, or a header: who calls. Without it a connection is a client.</summary>
    public const string ClientHeader = "orleansfeatures-client";

    private readonly QueueDelay _delay;
    private readonly ClassGate _lookups;
    private readonly ClassGate _pushes;
    private readonly AdmissionMeter _meter;
    private readonly RunQueue _runs;

    public CallAdmission(AdmissionLimits limits, TimeProvider time, IngestRoom room)
        : this(limits, time, room, CrowdBounds.OfThisMachine, queue: null, new RunQueue(Limits.LookupsRunningMax, limits.Lookups / 2, limits.LookupDelay, time))
    {
    }

    /// <param name="limits">How much may come in.</param>
    /// <param name="time">Measures the waiting.</param>
    /// <param name="room">Knows what pushes bring.</param>
    /// <param name="crowds">From how much on a class is the reason for a long wait.</param>
    /// <param name="queue">Where calls wait for a thread; null for the thread pool's queue.</param>
    /// <param name="runs">Where lookups wait for a slot.</param>
    internal CallAdmission(AdmissionLimits limits, TimeProvider time, IngestRoom room, CrowdBounds crowds, Action<IThreadPoolWorkItem>? queue, RunQueue runs)
    {
        _lookups = new ClassGate(limits.Lookups, limits.LookupDelay, limits.ClientShare, new Crowd(crowds.LookupsPerSecond, ofCall: 1, static () => 0));
        _pushes = new ClassGate(limits.Pushes, limits.PushDelay, limits.ClientShare, new Crowd(crowds.EventsPerSecond, Limits.PushWorthEvents, () => room.EventsRead));
        (_delay, _runs) = (new QueueDelay(time, [_lookups, _pushes], queue), runs);
        _meter = new AdmissionMeter(this);
    }

    /// <summary>How long calls wait for a thread, as last measured.</summary>
    public TimeSpan Delay => TimeSpan.FromMicroseconds(_delay.LastMicros);

    public long UnderWay(CallClass kind) => GateOf(kind)?.UnderWay ?? 0;

    /// <summary>Calls of a class that were taken in and have ended.</summary>
    public long Admitted(CallClass kind) => GateOf(kind)?.Admitted ?? 0;

    public long ShedFor(CallClass kind, Shed reason) => GateOf(kind)?.ShedFor(reason) ?? 0;

    /// <summary>Goes in front of an endpoint that is being built, by its route.</summary>
    public void Guard(EndpointBuilder endpoint)
    {
        bool isGrpc = endpoint.Metadata.OfType<GrpcMethodMetadata>().Any();
        if (endpoint is RouteEndpointBuilder { RequestDelegate: { } next } route && GateOf(CallClasses.Of(route.RoutePattern.RawText)) is { } gate)
        {
            CallClass kind = CallClasses.Of(route.RoutePattern.RawText);
            Task RefuseAsync(HttpContext context, Shed reason)
            {
                gate.Count(reason);
                return ShedAnswers.WriteAsync(context, kind, reason, isGrpc);
            }

            // Pushes have turns of their own (IngestRoom), which their events cost, and not their calls.
            RequestDelegate run = kind == CallClass.Lookup ? context => WithSlotAsync(context, gate, next, RefuseAsync) : next;
            endpoint.RequestDelegate = context => AdmitAsync(context, gate, run, RefuseAsync);
        }
    }

    public void Dispose()
    {
        _meter.Dispose();
        _delay.Dispose();
    }

    private ClassGate? GateOf(CallClass kind) => kind switch { CallClass.Lookup => _lookups, CallClass.Ingest => _pushes, _ => null };

    private Task AdmitAsync(HttpContext context, ClassGate gate, RequestDelegate run, Func<HttpContext, Shed, Task> refuse)
    {
        Shed reason = Look(context, gate, out ClientCalls.Share? client);
        if (reason != Shed.None)
        {
            return refuse(context, reason);
        }

        Task? call = null;
        try
        {
            call = run(context);
        }
        finally
        {
            if (call is null)
            {
                Leave(gate, client);
            }
        }

        if (!call.IsCompletedSuccessfully)
        {
            return LeaveAfterAsync(call, gate, client);
        }

        LeaveAfter(call, gate, client);
        return Task.CompletedTask;
    }

    private Task WithSlotAsync(HttpContext context, ClassGate gate, RequestDelegate next, Func<HttpContext, Shed, Task> refuse)
    {
        if (!_runs.TryEnter())
        {
            return new LookupRun(context, next, _runs, late => refuse(late, Shed.Queue)).WaitAsync(TimeSpan.FromMicroseconds(PatienceMicrosOf(context, gate)), OwnMicrosOf(context) is { } own ? TimeSpan.FromMicroseconds(own) : TimeSpan.MaxValue);
        }

        try
        {
            return next(context);
        }
        finally
        {
            _runs.Leave();
        }
    }

    /// <summary>On <see cref="Shed.None"/> the call has entered.</summary>
    private Shed Look(HttpContext context, ClassGate gate, out ClientCalls.Share? client)
    {
        client = null;
        long delay = _delay.Micros;
        if (delay > Limits.QueueDelayShortMicros && Overdue(context, gate, delay) is var reason && reason != Shed.None)
        {
            return reason;
        }

        if (!gate.TryEnter())
        {
            return Shed.Calls;
        }

        if (!context.Request.Headers.TryGetValue(ClientHeader, out StringValues name) || name.Count == 0)
        {
            return Shed.None;
        }

        client = gate.Clients.TryEnter(name[0] ?? "");
        if (client is not null)
        {
            return Shed.None;
        }

        gate.Forget();
        return Shed.Client;
    }

    /// <summary>
    /// Only while calls wait for threads: what waited in vain is let go of first, because nobody would hear the answer. What would only wait long is let go of when it is for others of its class that it waits; threads that other
    /// work holds are no sooner free for it.
    /// </summary>
    private Shed Overdue(HttpContext context, ClassGate gate, long delay)
    {
        if (context.RequestAborted.IsCancellationRequested || (GrpcTimeout.MicrosOf(context.Request.Headers.GrpcTimeout) is { } allowed && allowed <= delay))
        {
            return Shed.Late;
        }

        return gate.IsCrowd && _delay.StandingMicros > PatienceMicrosOf(context, gate) ? Shed.Queue : Shed.None;
    }

    /// <summary>How long a call may wait before it is begun when others of its class are the reason: no longer than its class may.</summary>
    private static long PatienceMicrosOf(HttpContext context, ClassGate gate) => Math.Min(OwnMicrosOf(context) ?? long.MaxValue, gate.DelayMaxMicros);

    /// <summary>Of its own time, if it says how much it has: what is left then is for answering it.</summary>
    private static long? OwnMicrosOf(HttpContext context) => GrpcTimeout.MicrosOf(context.Request.Headers.GrpcTimeout) is { } allowed ? (long)(allowed * Limits.WaitingShare) : null;

    private static async Task LeaveAfterAsync(Task call, ClassGate gate, ClientCalls.Share? client)
    {
        try
        {
            await call.ConfigureAwait(false);
        }
        finally
        {
            LeaveAfter(call, gate, client);
        }
    }

    /// <summary>A call that waited for a slot says whether it was taken in after all.</summary>
    private static void LeaveAfter(Task call, ClassGate gate, ClientCalls.Share? client)
    {
        if (call is Task<Shed> { IsCompletedSuccessfully: true, Result: not Shed.None })
        {
            gate.Forget();
            ClientCalls.Leave(client);
        }
        else
        {
            Leave(gate, client);
        }
    }

    private static void Leave(ClassGate gate, ClientCalls.Share? client)
    {
        gate.Leave();
        ClientCalls.Leave(client);
    }
}
