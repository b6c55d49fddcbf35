using System.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace OrleansFeatures.Gateway.Admission;

/// <summary>One call that waits for a slot of <see cref="RunQueue"/>: its request is held meanwhile, unread. Ends when the call has, or has been refused.</summary>
internal sealed class LookupRun(HttpContext context, RequestDelegate next, RunQueue queue, Func<HttpContext, Task> refuse)
{
    // Whoever awaits it is the server, which then sends the answer: here, at once.
    private readonly TaskCompletionSource<Shed> _done = new();
    private readonly long _since = Stopwatch.GetTimestamp();

    /// <summary>Whether it was taken in after all, once it has been answered.</summary>
    /// <param name="patience">As for <see cref="RunQueue.Wait"/>.</param>
    /// <param name="own">Likewise.</param>
    public Task<Shed> WaitAsync(TimeSpan patience, TimeSpan own)
    {
        Action leave = queue.Wait(patience, own, () => _ = RunAsync(), () => _ = EndAsync(refuse(context), Shed.Queue));
        return WaitAsync(leave);
    }

    /// <summary>A call that is given up leaves the line at once: while it stands there it is one of its connection's calls, and the client, which has done with it, sends others in its place until there are more than the connection may have.</summary>
    private async Task<Shed> WaitAsync(Action leave)
    {
        using CancellationTokenRegistration gone = context.RequestAborted.UnsafeRegister(static leave => ((Action)leave!)(), leave);
        return await _done.Task.ConfigureAwait(false);
    }

    private Task RunAsync()
    {
        Task call;
        Shed shed = context.RequestAborted.IsCancellationRequested ? Shed.Queue : Shed.None;
        try
        {
            // Nobody waits for an answer any more: nothing is begun, and what the server writes goes nowhere.
            GrpcTimeout.Shorten(context.Request.Headers, Stopwatch.GetElapsedTime(_since));
            call = shed == Shed.None ? next(context) : refuse(context);
        }
        catch (Exception failure)
        {
            // The top of a work item; the server hears of it as of any other failed call.
            call = Task.FromException(failure);
        }

        queue.Leave();
        return EndAsync(call, shed);
    }

    private async Task EndAsync(Task call, Shed shed)
    {
        try
        {
            await call.ConfigureAwait(false);
            _done.SetResult(shed);
        }
        catch (OperationCanceledException cancelled)
        {
            _done.SetCanceled(cancelled.CancellationToken);
        }
        catch (Exception failure)
        {
            // The server hears of it as of any other failed call.
            _done.SetException(failure);
        }
    }
}
