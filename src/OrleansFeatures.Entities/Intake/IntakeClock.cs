using System.Collections.Concurrent;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Stream time as lateness is judged by: for each stream the minimum over its active producers of the newest event time seen from each, like
/// <see cref="StreamClocks"/>, but of events as they come in, one by one, and not of batches as they are applied: a batch may span hours of event time. What an event
/// meets is written into its record, so a replay judges as the day did. An event that was seen and then did not get into the log has moved it all
/// the same; its retry finds it there. Any thread.
/// <code>
///   producers by newest event time, a heap:      till 3 (10:02)   till 1 (10:05)   till 7 (10:05) ...
///                                                   └── holds stream time back: only when it moves is stream time computed again
/// </code>
/// Entries of the heap may lag behind their producers; the top is brought up to date before it counts, so an event costs the logarithm of the
/// producers when it moves the slowest, and a comparison when it does not.
/// </summary>
public sealed class IntakeClock(TimeProvider time)
{
    private readonly ConcurrentDictionary<uint, Stream> _streams = new();
    private long _latestArrival = long.MinValue;

    /// <summary>
    /// The arrival of an event that comes now: whole milliseconds, rounded up, so that arrivals pack into four bytes in memory. A read at <c>known_at</c> a moment before
    /// an arrival must not know the event, so rounding down is out of the question. It is never before one that was given earlier, or that history has: a clock that is set back stands
    /// still here until it has caught up. Otherwise an event could be known before one that was acknowledged first, and producers whose clocks are right would be refused for being a day ahead.
    /// </summary>
    internal EventTime Stamp()
    {
        const long MicrosPerMillisecond = 1_000;
        long now = (EventTime.From(time.GetUtcNow()).Micros + MicrosPerMillisecond - 1) / MicrosPerMillisecond * MicrosPerMillisecond;
        return new EventTime(Latest(now));
    }

    /// <summary>History has an event of this arrival: none that comes now may be known before it.</summary>
    internal void Recall(EventTime arrival) => Latest(arrival.Micros);

    /// <summary>Null before the first event.</summary>
    public long? StreamTimeMicros(uint stream) => _streams.TryGetValue(stream, out Stream? clock) && clock.Time != EventRecord.NoStreamTime ? clock.Time : null;

    /// <summary>The clock of one producer. A batch asks once for each of its producers; asking says that the producer is alive.</summary>
    internal Producer Of(uint stream, ReadOnlySpan<byte> producer) =>
        _streams.GetOrAdd(stream, static (_, time) => new Stream(time), time).Enter(producer, time.GetTimestamp());

    /// <summary>What history knows of one producer: the newest of its events, when the last one came, and the stream time that it met.</summary>
    internal void Recall(uint stream, ReadOnlySpan<byte> producer, long newestMicros, EventTime arrival, long streamTimeMicros)
    {
        Latest(arrival.Micros);
        double silentSeconds = Math.Max(0, EventTime.From(time.GetUtcNow()).Micros - arrival.Micros) / 1e6;
        long seenAt = time.GetTimestamp() - (long)(silentSeconds * time.TimestampFrequency);
        _streams.GetOrAdd(stream, static (_, time) => new Stream(time), time).Recall(producer, newestMicros, seenAt, streamTimeMicros);
    }

    /// <summary>All of history has been recalled. Where nobody has come for long, nobody holds stream time back: it is the newest event's.</summary>
    internal void RecallEnds()
    {
        foreach (Stream stream in _streams.Values)
        {
            stream.RecallEnds(time.GetTimestamp());
        }
    }

    private long Latest(long arrival)
    {
        long latest = Volatile.Read(ref _latestArrival);
        while (arrival > latest)
        {
            long seen = Interlocked.CompareExchange(ref _latestArrival, arrival, latest);
            latest = seen == latest ? arrival : seen;
        }

        return latest;
    }

    /// <summary>One producer of one stream.</summary>
    internal sealed class Producer(Stream stream, long seenAt)
    {
        internal long Newest = long.MinValue;
        internal long SeenAt = seenAt;

        /// <summary>Under the stream's gate: what the heap takes <see cref="Newest"/> for, and whether it is in the heap at all.</summary>
        internal (bool InHeap, bool Forgotten) Place;

        /// <summary>The producer has sent an event of this time. Returns stream time, the event included.</summary>
        public long See(long eventTimeMicros) => stream.See(this, eventTimeMicros);
    }

    internal sealed class Stream(TimeProvider time)
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<byte[], Producer> _producers = new(BytesComparer.Instance);
        private readonly PriorityQueue<Producer, long> _slowestFirst = new();
        private Producer? _holder;
        private long _time = EventRecord.NoStreamTime;

        public long Time => Volatile.Read(ref _time);

        public Producer Enter(ReadOnlySpan<byte> name, long now)
        {
            lock (_gate)
            {
                Producer producer = Known_NeedsLock(name, now);
                producer.SeenAt = Math.Max(producer.SeenAt, now);
                if (producer.Newest != long.MinValue)
                {
                    Enqueue_NeedsLock(producer);
                    Settle_NeedsLock(now);
                }

                return producer;
            }
        }

        public void Recall(ReadOnlySpan<byte> name, long newest, long seenAt, long streamTime)
        {
            lock (_gate)
            {
                Producer producer = Known_NeedsLock(name, seenAt);
                (producer.Newest, producer.SeenAt) = (Math.Max(producer.Newest, newest), Math.Max(producer.SeenAt, seenAt));
                _time = Math.Max(_time, streamTime);
                Enqueue_NeedsLock(producer);
            }
        }

        public void RecallEnds(long now)
        {
            lock (_gate)
            {
                Settle_NeedsLock(now);
                if (_slowestFirst.Count == 0)
                {
                    _time = Math.Max(_time, _producers.Values.Max(producer => producer.Newest));
                }
            }
        }

        public long See(Producer producer, long eventTime)
        {
            long newest = Volatile.Read(ref producer.Newest);
            while (eventTime > newest)
            {
                long seen = Interlocked.CompareExchange(ref producer.Newest, eventTime, newest);
                if (seen == newest)
                {
                    Moved(producer, wasNew: newest == long.MinValue);
                    break;
                }

                newest = seen;
            }

            return Volatile.Read(ref _time);
        }

        /// <summary>
        /// A producer that does not hold stream time back changes nothing by moving. Settle names a holder first and reads its newest time then; here the time is
        /// written first (an interlocked write) and the holder read then: one of the two sees the other.
        /// </summary>
        private void Moved(Producer producer, bool wasNew)
        {
            if (!wasNew && producer != Volatile.Read(ref _holder))
            {
                return;
            }

            lock (_gate)
            {
                if (wasNew)
                {
                    Enqueue_NeedsLock(producer);
                }

                Settle_NeedsLock(time.GetTimestamp());
            }
        }

        /// <summary>Finds the slowest producer that is not idle; stream time is where it is, and never goes back.</summary>
        private void Settle_NeedsLock(long now)
        {
            while (_slowestFirst.TryPeek(out Producer? slowest, out long queuedAs))
            {
                if (slowest.Place.Forgotten || time.GetElapsedTime(slowest.SeenAt, now) >= Limits.ProducerIdleAfter)
                {
                    _slowestFirst.Dequeue();
                    slowest.Place.InHeap = false;
                    continue;
                }

                Interlocked.Exchange(ref _holder, slowest);
                long newest = Volatile.Read(ref slowest.Newest);
                if (newest == queuedAs)
                {
                    Volatile.Write(ref _time, Math.Max(_time, newest));
                    return;
                }

                _slowestFirst.DequeueEnqueue(slowest, newest);
            }
        }

        private void Enqueue_NeedsLock(Producer producer)
        {
            if (!producer.Place.InHeap)
            {
                producer.Place.InHeap = true;
                _slowestFirst.Enqueue(producer, producer.Newest);
            }
        }

        private Producer Known_NeedsLock(ReadOnlySpan<byte> name, long now)
        {
            if (!_producers.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out Producer? producer))
            {
                if (_producers.Count >= Limits.ProducersPerStreamMax)
                {
                    (byte[] longestSilent, Producer forgotten) = _producers.MinBy(known => known.Value.SeenAt);
                    forgotten.Place.Forgotten = true;
                    _producers.Remove(longestSilent);
                }

                _producers[name.ToArray()] = producer = new Producer(this, now);
            }

            return producer;
        }
    }
}
