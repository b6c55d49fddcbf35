using System.Threading.Channels;
using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// Pushes over gRPC. A stream reads ahead of its commits:
/// <code>
///   MoveNext ─> prepare ─> commit starts ─> [ up to BatchesInFlightPerStream commits ] ─> awaited in order ─> acknowledgement
/// </code>
/// so that one connection fills a group commit. When the window is full, reading stops, and HTTP/2 flow control slows the producer.
/// </summary>
public sealed class IngestService(Ingestion ingestion, ServerLife life) : V1.IngestService.IngestServiceBase
{
    public override async Task<PushResponse> Push(PushRequest request, ServerCallContext context)
    {
        PreparedPush push = await ingestion.PrepareAsync(SourceOf(request), context.CancellationToken).ConfigureAwait(false);
        PushOutcome outcome = await ingestion.CommitAsync(push, wait: false, context.CancellationToken).ConfigureAwait(false);
        return PushResponses.Of(request.Sequence, outcome);
    }

    public override async Task PushStream(IAsyncStreamReader<PushRequest> requestStream, IServerStreamWriter<PushResponse> responseStream, ServerCallContext context)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(failed.Token, life.Stopping);
        var commits = Channel.CreateBounded<Task<PushResponse>>(
            new BoundedChannelOptions(Limits.BatchesInFlightPerStream) { SingleReader = true, SingleWriter = true });
        Task reading = ReadAsync(requestStream, commits.Writer, stop.Token, failed.Token);
        Task acknowledging = AcknowledgeAsync(commits.Reader, responseStream, failed);
        try
        {
            // In this order, because a failed commit stops the reading: of two failures the acknowledgement's is the cause.
            await Task.WhenAll(acknowledging, reading).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (life.Stopping.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested)
        {
            throw Refuse.Stopping();
        }
    }

    private static EventSource SourceOf(PushRequest request) => request.EventsCase switch
    {
        PushRequest.EventsOneofCase.Rows => new RowSource(request),
        PushRequest.EventsOneofCase.Columns => new ColumnSource(request),
        _ => throw Refuse.Argument("events", "the push holds neither rows nor columns", "fill `rows` or `columns`"),
    };

    /// <summary>Prepares one push after the other and starts its commit. Ends with the client's half-close; whatever was started is then still acknowledged.</summary>
    private async Task ReadAsync(IAsyncStreamReader<PushRequest> requests, ChannelWriter<Task<PushResponse>> commits, CancellationToken stop, CancellationToken commit)
    {
        try
        {
            // Room first, so that no batch is open (and no definitions are held still) while the window is full.
            while (await commits.WaitToWriteAsync(stop).ConfigureAwait(false) && await requests.MoveNext(stop).ConfigureAwait(false))
            {
                PushRequest request = requests.Current;
                PreparedPush push = await ingestion.PrepareAsync(SourceOf(request), stop, isStream: true).ConfigureAwait(false);
                commits.TryWrite(CommitAsync(request.Sequence, push, commit));
            }
        }
        finally
        {
            commits.Complete();
        }
    }

    private async Task<PushResponse> CommitAsync(ulong sequence, PreparedPush push, CancellationToken cancellationToken) =>
        PushResponses.Of(sequence, await ingestion.CommitAsync(push, wait: true, cancellationToken).ConfigureAwait(false));

    /// <summary>Sends acknowledgements in the order of the requests, until the first that cannot be given.</summary>
    private static async Task AcknowledgeAsync(ChannelReader<Task<PushResponse>> commits, IServerStreamWriter<PushResponse> responses, CancellationTokenSource failed)
    {
        bool complete = false;
        try
        {
            await foreach (Task<PushResponse> commit in commits.ReadAllAsync().ConfigureAwait(false))
            {
                await responses.WriteAsync(await commit.ConfigureAwait(false)).ConfigureAwait(false);
            }

            complete = true;
        }
        finally
        {
            if (!complete)
            {
                // Stop reading, and see the rest to its end: the context is not ours any more once the handler has returned.
                await failed.CancelAsync().ConfigureAwait(false);
                await foreach (Task<PushResponse> commit in commits.ReadAllAsync().ConfigureAwait(false))
                {
                    await ((Task)commit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
    }
}
