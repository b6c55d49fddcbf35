using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using OrleansFeatures.Client;
using OrleansFeatures.Client.Pushing;
using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary>
/// Pushes the rows of one file, never holding more than a bounded part of it:
/// <code>
///   file → reader → EventStream → server
///             |                       |
///       [sent, in order] ← acknowledgements
/// </code>
/// The stream sends again what a lost connection left unacknowledged, which is safe: the store recognizes what it already has by event id. The reader and the taker of acknowledgements are two tasks.
/// </summary>
internal sealed class PushSession(ServerConnection connection, InputFile input, EventBatcher batcher, TimeSpan retryFor)
{
    private readonly Channel<Sent> _sent = Channel.CreateBounded<Sent>(new BoundedChannelOptions(Limits.UnacknowledgedBatchesMax) { SingleReader = true, SingleWriter = true });
    private readonly Stopwatch _elapsed = new();

    /// <summary>What the store has answered so far. Grows while <see cref="RunAsync"/> runs; counts may be read from another thread.</summary>
    public PushTotals Totals { get; } = new();

    public TimeSpan Elapsed => _elapsed.Elapsed;

    /// <summary>
    /// Pushes everything. Ends with null when the whole file was read and acknowledged, else with what stopped it: the file
    /// (what was read before is acknowledged), the connection, or the token (<see cref="PushTotals.AcknowledgedThroughLine"/> says how far it came).
    /// </summary>
    public async Task<CommandFailure?> RunAsync(CancellationToken cancellationToken)
    {
        _elapsed.Start();
        using var client = new FeatureStoreClient(new FeatureStoreClientOptions
        {
            Servers = [new Uri(connection.Server)],
            ConnectionsPerServer = 1,
            BatchesInFlight = Limits.UnacknowledgedBatchesMax,
            ReconnectFor = retryFor,
            RetryPause = TimeSpan.FromMilliseconds(Limits.RetryPauseMs),
        });
        await using EventStream stream = client.OpenEventStream(cancellationToken);
        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<CommandFailure?> reading = Task.Run(() => ReadFileAsync(stream, stopReading.Token), CancellationToken.None);
        try
        {
            await TakeAcknowledgementsAsync(stream).ConfigureAwait(false);
            return await reading.ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (cancellationToken.IsCancellationRequested)
        {
            return CommandFailure.Refused($"interrupted; {Acknowledged()}", exception);
        }
        catch (RpcException exception)
        {
            return Stopped(exception);
        }
        finally
        {
            _elapsed.Stop();
            await stopReading.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(false);
        }
    }

    /// <summary>Reads and sends until the file ends, or the stream fails, which the taker of acknowledgements hears as well.</summary>
    private async Task<CommandFailure?> ReadFileAsync(EventStream stream, CancellationToken cancellationToken)
    {
        Exception? failure = null;
        try
        {
            CommandFailure? broken = await ReadRowsAsync(stream, cancellationToken).ConfigureAwait(false);
            await SendAsync(stream, cancellationToken).ConfigureAwait(false);
            return broken;
        }
        catch (Exception exception) when (exception is RpcException or OperationCanceledException)
        {
            failure = exception;
            return null;
        }
        finally
        {
            // Also after a bug of ours: the taker must not wait for batches that never come.
            _sent.Writer.TryComplete(failure);
        }
    }

    private async Task<CommandFailure?> ReadRowsAsync(EventStream stream, CancellationToken cancellationToken)
    {
        try
        {
            while (input.Rows.Read())
            {
                if (batcher.Add(input.Rows) is { } problem)
                {
                    Totals.AddUnreadable(input.Rows.Line, problem);
                }

                if (batcher.IsFull)
                {
                    await SendAsync(stream, cancellationToken).ConfigureAwait(false);
                }
            }

            return null;
        }
        catch (CommandFailure failure)
        {
            return failure;
        }
    }

    private async Task SendAsync(EventStream stream, CancellationToken cancellationToken)
    {
        foreach (PushBatch batch in batcher.Take())
        {
            Task<PushResponse> answer = await stream.SendAsync(batch.Request, cancellationToken).ConfigureAwait(false);
            await _sent.Writer.WriteAsync(new Sent(batch, answer), cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task TakeAcknowledgementsAsync(EventStream stream)
    {
        await foreach (Sent sent in _sent.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            Totals.Add(sent.Batch, await sent.Answer.ConfigureAwait(false));
            Totals.AcknowledgedThroughLine = sent.Batch.CompleteThrough;
            Totals.Reconnects = (ulong)stream.Reconnects;
        }
    }

    private CommandFailure Stopped(RpcException exception)
    {
        if (!ServerConnection.IsLost(exception))
        {
            return connection.Failure(exception);
        }

        return CommandFailure.Unreachable(
            $"{connection.Server}: the connection was lost and did not come back within {retryFor.TotalSeconds:F0} s ({exception.Status.Detail}); {Acknowledged()}",
            exception);
    }

    private string Acknowledged()
    {
        string how = Totals.AcknowledgedThroughLine == 0
            ? "nothing is acknowledged"
            : $"lines up to {Totals.AcknowledgedThroughLine} are acknowledged";
        return $"{how}; pushing the same file again is safe, events are recognized by their id";
    }

    private readonly record struct Sent(PushBatch Batch, Task<PushResponse> Answer);
}
