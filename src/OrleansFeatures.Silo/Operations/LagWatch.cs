using System.Runtime.InteropServices;

namespace OrleansFeatures.Silo.Operations;

/// <summary>How far one partition has come.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="End">The newest record there is to reach: durable, or applied.</param>
/// <param name="Reached">The newest that has been: applied, or checkpointed.</param>
internal readonly record struct Progress(int Partition, long End, long Reached);

/// <summary>
/// For how long the oldest record that is not reached yet has been there, for each partition of this silo. Found by looking every second, and as exact:
/// <code>
///   looked at     12:00:01   12:00:02   12:00:03      150 has been reached: what came after that was first seen
///   end                100        180        260      at 12:00:02, a second ago
/// </code>
/// </summary>
internal sealed class LagWatch(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, Queue<(long End, long Seen)>> _looks = [];

    /// <summary>Takes what is there now. Partitions that have gone are forgotten.</summary>
    public void Look(IEnumerable<Progress> partitions)
    {
        long now = time.GetTimestamp();
        lock (_gate)
        {
            var gone = new HashSet<int>(_looks.Keys);
            foreach (Progress progress in partitions)
            {
                gone.Remove(progress.Partition);
                Queue<(long End, long Seen)> looks = CollectionsMarshal.GetValueRefOrAddDefault(_looks, progress.Partition, out _) ??= new Queue<(long, long)>();
                while (looks.TryPeek(out (long End, long Seen) oldest) && oldest.End <= progress.Reached)
                {
                    looks.Dequeue();
                }

                // A partition that stands still for hours keeps as many looks as it had different ends, and no more than an hour of them: the oldest is what counts.
                if (progress.End > progress.Reached && (looks.Count == 0 || looks.Last().End < progress.End) && looks.Count < Limits.LagLooksMax)
                {
                    looks.Enqueue((progress.End, now));
                }
            }

            foreach (int partition in gone)
            {
                _looks.Remove(partition);
            }
        }
    }

    /// <summary>Zero where everything that was there at the last look is reached.</summary>
    public TimeSpan Of(int partition, long reached)
    {
        lock (_gate)
        {
            foreach ((long end, long seen) in _looks.GetValueOrDefault(partition) ?? [])
            {
                if (end > reached)
                {
                    return time.GetElapsedTime(seen);
                }
            }

            return TimeSpan.Zero;
        }
    }
}
