using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Streams;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Streams;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Streams;

public sealed class LogQueueReceiverTests
{
    private readonly FakeTails _tails = new(2);
    private readonly LogQueueCache _cache = new(new LogDeliveries(NullLogger<LogDeliveries>.Instance));

    [Fact]
    public async Task It_begins_with_the_newest_batch_that_there_is()
    {
        _tails.Append(1, records: 5);
        _tails.Append(1, records: 3);
        _tails.Append(0);
        (await ReadAsync(Receiver())).ShouldBe([(5, 7)]);
    }

    [Fact]
    public async Task A_read_waits_until_there_is_something()
    {
        LogQueueReceiver receiver = Receiver();
        Task<List<(long, long)>> read = ReadAsync(receiver);
        read.IsCompleted.ShouldBeFalse();
        _tails.Append(1, records: 2);
        (await Eventually.Ends(read, "the read")).ShouldBe([(0, 1)]);
    }

    [Fact]
    public async Task It_answers_with_none_when_the_agent_stops()
    {
        using var stop = new CancellationTokenSource();
        Task<IList<IBatchContainer>> read = Receiver().GetQueueMessagesAsync(-1, stop.Token);
        await stop.CancelAsync();
        (await Eventually.Ends(read, "a read whose agent stopped")).ShouldBeEmpty();
    }

    /// <summary>A partition that had nothing new for longer than history is kept.</summary>
    [Fact]
    public async Task Where_the_newest_record_was_dropped_with_old_history_it_goes_on_behind_it()
    {
        _tails.Append(1, records: 5);
        _tails.Drop(1, through: 4);
        LogQueueReceiver receiver = Receiver();
        (await ReadAsync(receiver)).ShouldBeEmpty();
        Task<List<(long, long)>> read = ReadAsync(receiver);
        _tails.Append(1, records: 2);
        (await Eventually.Ends(read, "the read")).ShouldBe([(5, 6)]);
        _tails.OpenTails.ShouldBe(1);
    }

    [Fact]
    public async Task It_lets_go_of_its_tail_when_it_is_shut_down_and_answers_with_none()
    {
        LogQueueReceiver receiver = Receiver();
        Task<IList<IBatchContainer>> read = receiver.GetQueueMessagesAsync(-1, CancellationToken.None);
        _tails.OpenTails.ShouldBe(1);
        await receiver.Shutdown(TimeSpan.FromSeconds(1));
        (await Eventually.Ends(read, "a read that was shut down")).ShouldBeEmpty();
        _tails.OpenTails.ShouldBe(0);
    }

    [Fact]
    public void Frames_are_handed_on_and_not_copied()
    {
        byte[] frames = new byte[10];
        LogBatch.Of(new(new PartitionId(0), new LogOffset(0), new LogOffset(0), frames)).Frames.ShouldBeSameAs(frames);
        LogBatch.Of(new(new PartitionId(0), new LogOffset(0), new LogOffset(0), frames.AsMemory(2, 3))).Frames.Length.ShouldBe(3);
    }

    private LogQueueReceiver Receiver() => new(new PartitionId(1), _tails, _cache, TimeProvider.System, NullLogger.Instance);

    private static async Task<List<(long First, long Last)>> ReadAsync(LogQueueReceiver receiver) =>
        [.. (await receiver.GetQueueMessagesAsync(-1, Eventually.Token)).Cast<LogBatchContainer>().Select(container => container.Batch).Select(batch => (batch.First, batch.Last))];
}
