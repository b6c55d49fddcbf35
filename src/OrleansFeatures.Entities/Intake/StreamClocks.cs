using System.Collections.Concurrent;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Stream time as reads know it, of events that have been applied: for each stream, the minimum over its active producers of the newest event time seen from each. It moves with the data, so
/// replaying 2018 in 2026 works. A producer that falls silent on the wall clock stops holding it back; stream time itself never goes
/// backwards. Any thread.
/// </summary>
public sealed class StreamClocks(TimeProvider time)
{
    private readonly ConcurrentDictionary<uint, StreamClock> _clocks = new();

    /// <summary>Null before the first event.</summary>
    public long? StreamTimeMicros(uint stream) => _clocks.TryGetValue(stream, out StreamClock? clock) ? clock.Now(time.GetTimestamp(), time) : null;

    /// <summary>
    /// Events of this producer have been applied through this event time, the last of which came at <paramref name="arrival"/>. That is long ago where history
    /// is replayed, and a producer that fell silent then is as idle as if this process had seen it.
    /// </summary>
    public void Observe(uint stream, string producer, EventTime newest, EventTime arrival)
    {
        double silentSeconds = Math.Max(0, EventTime.From(time.GetUtcNow()).Micros - arrival.Micros) / 1e6;
        long seenAt = time.GetTimestamp() - (long)(silentSeconds * time.TimestampFrequency);
        _clocks.GetOrAdd(stream, static _ => new StreamClock()).Observe(producer, newest.Micros, seenAt);
    }

    private sealed class StreamClock
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<string, (long Newest, long SeenAt)> _producers = [];
        private long _streamTime = long.MinValue;

        public void Observe(string producer, long eventTimeMicros, long seenAt)
        {
            lock (_gate)
            {
                if (!_producers.TryGetValue(producer, out var known))
                {
                    MakeRoom_NeedsLock();
                    known = (eventTimeMicros, seenAt);
                }

                _producers[producer] = (Math.Max(known.Newest, eventTimeMicros), Math.Max(known.SeenAt, seenAt));
            }
        }

        public long? Now(long now, TimeProvider time)
        {
            lock (_gate)
            {
                long slowest = long.MaxValue;
                long newest = long.MinValue;
                foreach ((long producerTime, long seenAt) in _producers.Values)
                {
                    newest = Math.Max(newest, producerTime);
                    if (time.GetElapsedTime(seenAt, now) < Limits.ProducerIdleAfter)
                    {
                        slowest = Math.Min(slowest, producerTime);
                    }
                }

                if (newest == long.MinValue)
                {
                    return null;
                }

                _streamTime = Math.Max(_streamTime, slowest == long.MaxValue ? newest : slowest);
                return _streamTime;
            }
        }

        private void MakeRoom_NeedsLock()
        {
            if (_producers.Count >= Limits.ProducersPerStreamMax)
            {
                _producers.Remove(_producers.MinBy(producer => producer.Value.SeenAt).Key);
            }
        }
    }
}
