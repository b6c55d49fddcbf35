using Microsoft.Extensions.Logging;
using Orleans.Streams;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Silo.Streams;

/// <summary>
/// Reads one partition's tail for its pulling agent, in the agent's turns. A read waits for room in the cache and then for records (a long poll), so that an agent's timer stands between an append and
/// its delivery only while its stream is made known.
/// </summary>
/// <remarks>
/// It begins one record before the durable end, and so with a batch, if the partition has any record. To the grain that is either a repetition, which it passes over, or it tells of a gap, which it reads:
/// an append that came after the grain had caught up and before this receiver listened does not wait for the next one. It also has the stream known, and the grain active, before there is a hurry.
/// </remarks>
internal sealed class LogQueueReceiver(PartitionId partition, IPartitionTails tails, LogQueueCache cache, TimeProvider time, ILogger logger) : IQueueAdapterReceiver
{
    private readonly CancellationTokenSource _stopping = new();
    private PartitionTail? _tail;
    private LogOffset? _after;

    /// <summary>Opens nothing yet: what goes wrong belongs to a read, which is tried again.</summary>
    public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

    public Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount) => GetQueueMessagesAsync(maxCount, CancellationToken.None);

    /// <summary>Answers with none when told to stop, and after an error; the agent asks again if it still wants to.</summary>
    public async Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        try
        {
            await cache.WaitForRoomAsync(stop.Token);
            _tail ??= tails.Open(partition, _after ?? new LogOffset(Math.Max(LogOffset.None.Value, tails.Durable(partition).Value - 1)));
            return [.. (await _tail.ReadAsync(Limits.DeliveryBytesMax, stop.Token)).Select(batch => new LogBatchContainer(LogBatch.Of(batch), null))];
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return [];
        }
        catch (PartitionTruncatedException exception)
        {
            // Old history went while nobody read it. What is left begins here; the grain finds the gap, and knows what to do about what lies in it.
            await _tail!.DisposeAsync();
            (_tail, _after) = (null, new LogOffset(exception.First.Value - 1));
            return [];
        }
        catch (LogException exception)
        {
            LogMessages.TailUnreadable(logger, partition.Value, exception);
            await Task.Delay(Limits.TailRetryDelay, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            return [];
        }
    }

    /// <summary>The log keeps no books on who has read it: positions are with the entities' state.</summary>
    public Task MessagesDeliveredAsync(IList<IBatchContainer> messages) => Task.CompletedTask;

    public async Task Shutdown(TimeSpan timeout)
    {
        await _stopping.CancelAsync();
        if (_tail is not null)
        {
            await _tail.DisposeAsync();
        }
    }
}
