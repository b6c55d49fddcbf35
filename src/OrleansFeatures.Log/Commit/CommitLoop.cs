using System.Threading.Channels;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Commit;

/// <summary>
/// The writer thread: takes groups from the queue, makes them durable, hands them on. It runs nobody else's code: appenders continue on
/// the thread pool, the consumer reads a channel at its own pace. The first failed write or sync ends it for good. Under a simulation it has no thread, and each group is one of its steps.
/// </summary>
internal sealed class CommitLoop
{
    private readonly AppendQueue _queue;
    private readonly LogWriter _writer;
    private readonly LogProgress _progress;
    private readonly Channel<CommittedBatch>? _committed;
    private readonly List<PendingAppend> _group = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public CommitLoop(AppendQueue queue, LogWriter writer, LogProgress progress, Channel<CommittedBatch>? committed)
    {
        (_queue, _writer, _progress, _committed) = (queue, writer, progress, committed);
        if (SteppedScheduler.Ambient is { } simulation)
        {
            Task.Factory.StartNew(() => RunAsync(inSteps: true), CancellationToken.None, TaskCreationOptions.DenyChildAttach, simulation);
        }
        else
        {
            // Never waits but in TakeGroup, so it runs on this thread from beginning to end.
            new Thread(() => RunAsync(inSteps: false).GetAwaiter().GetResult()) { IsBackground = true, Name = "log writer" }.Start();
        }
    }

    /// <summary>Completes when the thread has ended and its files are closed; never fails.</summary>
    public Task Ended => _ended.Task;

    private async Task RunAsync(bool inSteps)
    {
        LogPoisonedException? poison = null;
        try
        {
            _writer.WriteMark(); // Recovery has made everything durable that it found.
            while (inSteps ? await _queue.TakeGroupAsync(_group) : _queue.TakeGroup(_group))
            {
                CommitGroup();
                _queue.GroupEnded();
            }

            _writer.Finish();
        }
        catch (Exception e) // The loop's top: whatever failed, the disk's state is unknown from here on, and nobody else could report it.
        {
            poison = Poison(e);
        }
        finally
        {
            _writer.Dispose();
            _committed?.Writer.TryComplete(poison);
            _ended.SetResult();
        }
    }

    private void CommitGroup()
    {
        var bytes = 0;
        foreach (var append in _group)
        {
            bytes += append.Batch.Bytes;
        }

        try
        {
            _writer.Reserve(bytes);
        }
        catch (LogFullException full)
        {
            _progress.Advance(_writer);
            Refuse(full);
            return;
        }

        _writer.Commit(_group, bytes);
        _progress.Advance(_writer);
        Deliver();
        _writer.WriteMark();
    }

    private void Deliver()
    {
        foreach (var append in _group)
        {
            append.Batch.MarkCommitted();
            if (_committed is null)
            {
                append.Batch.ReleaseReference();
                _queue.Release(append.Charge);
            }
            else if (!_committed.Writer.TryWrite(new CommittedBatch(append.Batch, append.Receipt, append.Charge, _queue.Release)))
            {
                throw new LogInvariantException("The channel of committed batches is full, although the queue's budget is smaller than the channel.");
            }

            append.Complete();
        }

        _group.Clear();
    }

    private void Refuse(LogFullException full)
    {
        foreach (var append in _group)
        {
            append.Batch.Unseal();
            _queue.Release(append.Charge);
            append.Fail(full);
        }

        _group.Clear();
    }

    private LogPoisonedException Poison(Exception cause)
    {
        var durable = _progress.View.Durable;
        var operation = $"writing {LogFiles.Segment(_writer.Cursor.Number)}";
        LogPoisonedException Create() => new(operation, durable, cause);

        var poison = Create();
        _progress.Poison(poison);
        _queue.Close(Create);
        _queue.TakeAll(_group);
        foreach (var append in _group)
        {
            append.Batch.ReleaseReference();
            append.Fail(Create());
        }

        _group.Clear();
        return poison;
    }
}
