using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks.Serving.Echo;

/// <summary>
/// The disk's own limit: bytes are appended to a file by one thread, everything that waits with one write and one sync, and whoever brought them goes on when they are durable. Nothing is checked, numbered or read. The same calls of the
/// same device as the store's log, on a file that has its space already. Any thread.
/// </summary>
internal sealed class BareLog : IDisposable
{
    private const long Room = 256L * 1024 * 1024;

    private readonly ILogFile _file;
    private readonly string _path;
    private readonly object _gate = new();
    private readonly Thread _writer;
    private List<(ReadOnlyMemory<byte> Bytes, TaskCompletionSource Durable)> _waiting = [];
    private bool _isOver;

    public BareLog(string path)
    {
        _path = path;
        _file = new FileLogDevice().Open(path, LogFileAccess.Create);
        _file.TryReserve(Room);
        _writer = new Thread(Write) { IsBackground = true, Name = "bare log" };
        _writer.Start();
    }

    /// <summary>Completes when the bytes are durable.</summary>
    public Task AppendAsync(ReadOnlyMemory<byte> bytes)
    {
        var durable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _waiting.Add((bytes, durable));
            Monitor.Pulse(_gate);
        }

        return durable.Task;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            Monitor.Pulse(_gate);
        }

        _writer.Join();
        _file.Dispose();
        File.Delete(_path);
    }

    private void Write()
    {
        long position = 0;
        while (Take() is { } group)
        {
            _file.Write(position, [.. group.Select(append => append.Bytes)]);
            _file.Sync();
            position += group.Sum(append => append.Bytes.Length);
            group.ForEach(append => append.Durable.SetResult());
        }
    }

    /// <summary>Everything that waits; null at the end.</summary>
    private List<(ReadOnlyMemory<byte> Bytes, TaskCompletionSource Durable)>? Take()
    {
        lock (_gate)
        {
            while (_waiting.Count == 0)
            {
                if (_isOver)
                {
                    return null;
                }

                Monitor.Wait(_gate); // Ended by an append or by the end.
            }

            var group = _waiting;
            _waiting = [];
            return group;
        }
    }
}
