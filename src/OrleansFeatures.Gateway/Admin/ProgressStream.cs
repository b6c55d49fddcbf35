using System.Threading.Channels;
using Grpc.Core;

namespace OrleansFeatures.Gateway.Admin;

/// <summary>
/// A long piece of work whose caller hears how far it is. Reports that the client is too slow to take are dropped, never queued, and the work does not wait for them. It ends with the call, and when
/// the server stops.
/// </summary>
internal static class ProgressStream
{
    public static async Task<TResult> RunAsync<TResponse, TResult>(
        Func<Action<TResponse>, CancellationToken, Task<TResult>> work, IServerStreamWriter<TResponse> responses, ServerLife life, CancellationToken cancellationToken)
        where TResponse : class
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, life.Stopping);
        var reports = Channel.CreateBounded<TResponse>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        Task reporting = ReportAsync(reports.Reader, responses, either.Token);
        try
        {
            return await work(report => reports.Writer.TryWrite(report), either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (life.Stopping.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Refuse.Stopping();
        }
        finally
        {
            reports.Writer.Complete();
            await reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>What goes wrong here concerns reports only; a call that is lost fails its last message too.</summary>
    private static async Task ReportAsync<TResponse>(ChannelReader<TResponse> reports, IServerStreamWriter<TResponse> responses, CancellationToken cancellationToken)
    {
        await foreach (TResponse report in reports.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            await responses.WriteAsync(report, cancellationToken).ConfigureAwait(false);
        }
    }
}
