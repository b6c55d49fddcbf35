namespace OrleansFeatures.Gateway.Serve;

/// <summary>
/// What all training queries together may hold: an answer is complete in memory before its first row is sent, and stays there until the client has read the last.
/// A query that finds no room is refused and not kept waiting, because those before it may be held by clients that do not read. Any thread.
/// </summary>
internal sealed class TrainingRoom
{
    private long _cells;

    /// <summary>One query's share, empty at first; disposal gives it back.</summary>
    public Share Open() => new(this);

    private bool TryTake(long cells)
    {
        if (Interlocked.Add(ref _cells, cells) <= Limits.TrainingCellsMax)
        {
            return true;
        }

        Interlocked.Add(ref _cells, -cells);
        return false;
    }

    /// <summary>Belongs to the call that opened it.</summary>
    internal sealed class Share(TrainingRoom room) : IDisposable
    {
        private long _held;

        /// <summary>The query has come to so many rows of so many features.</summary>
        /// <exception cref="RequestRefusedException">That is too much for one query, or for what others leave.</exception>
        public void Grow(int rows, int features)
        {
            long wanted = (long)rows * features;
            if (wanted > Limits.TrainingCellsMax)
            {
                throw Refuse.Argument("keys", $"{rows} rows of {features} features are more than {Limits.TrainingCellsMax} values", "split the rows over several calls");
            }

            if (!room.TryTake(wanted - _held))
            {
                throw Refuse.Busy("keys", $"{rows} rows of {features} features, and other training queries leave no room for them", "wait until those are done, or split the rows over several calls");
            }

            _held = wanted;
        }

        public void Dispose()
        {
            Interlocked.Add(ref room._cells, -_held);
            _held = 0;
        }
    }
}
