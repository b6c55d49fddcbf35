using System.Collections.Concurrent;
using System.Text;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Stream time: for each stream, the minimum over its active producers of the newest event time seen from each. It moves with the data, so
/// replaying 2018 in 2026 works. A producer that falls silent on the wall clock stops holding it back; stream time itself never goes
/// backwards. Any thread.
/// </summary>
public sealed class StreamClocks(TimeProvider time)
{
    private readonly ConcurrentDictionary<uint, StreamClock> _clocks = new();

    /// <summary>Null before the first event.</summary>
    public long? StreamTimeMicros(uint stream) => _clocks.TryGetValue(stream, out StreamClock? clock) ? clock.Now(time.GetTimestamp(), time) : null;

    /// <summary>Events of this producer have been applied through this event time.</summary>
    public void Observe(uint stream, string producer, long eventTimeMicros) =>
        _clocks.GetOrAdd(stream, static _ => new StreamClock()).Observe(producer, eventTimeMicros, time.GetTimestamp());

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

                _producers[producer] = (Math.Max(known.Newest, eventTimeMicros), seenAt);
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

/// <summary>The newest event time of each (stream, producer) among some records: what <see cref="StreamClocks"/> learns once they are applied.</summary>
public sealed class TimeMarks
{
    private readonly Dictionary<(uint Stream, string Producer), long> _newest = [];
    private byte[] _lastProducer = [];
    private string _lastName = "";

    public void Add(uint stream, ReadOnlySpan<byte> producer, long eventTimeMicros)
    {
        if (!producer.SequenceEqual(_lastProducer))
        {
            _lastProducer = producer.ToArray();
            _lastName = Encoding.UTF8.GetString(producer);
        }

        if (!_newest.TryGetValue((stream, _lastName), out long newest) || eventTimeMicros > newest)
        {
            _newest[(stream, _lastName)] = eventTimeMicros;
        }
    }

    public void Tell(StreamClocks clocks)
    {
        foreach (((uint stream, string producer), long newest) in _newest)
        {
            clocks.Observe(stream, producer, newest);
        }
    }
}
