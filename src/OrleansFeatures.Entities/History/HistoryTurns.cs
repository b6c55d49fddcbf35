namespace OrleansFeatures.Entities.History;

/// <summary>
/// Long reads, which go over the log or over millions of rows, are made a few at a time, and the others wait for their turn in the order in which they came. Each has a thread of its own: on the thread pool's, some seconds of
/// work at a time, fifty training queries kept every lookup waiting for half a minute. The memory that a pass may take (<see cref="Limits.HistoryRecordsPerPassMax"/>) is bounded by the number of turns too. Any thread.
/// </summary>
internal sealed class HistoryTurns(int atOnce)
{
    private readonly SemaphoreSlim _turns = new(atOnce);

    public async Task<T> RunAsync<T>(Func<T> read, CancellationToken cancellationToken)
    {
        await Background.EnterAsync(_turns, cancellationToken);
        try
        {
            return await Background.RunApart(read, cancellationToken);
        }
        finally
        {
            _turns.Release();
        }
    }

    public Task RunAsync(Action read, CancellationToken cancellationToken) => RunAsync(
        () =>
        {
            read();
            return true;
        },
        cancellationToken);
}
