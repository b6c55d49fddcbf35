using System.Text;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// The newest event time and the newest arrival of each (stream, producer) among some records: what <see cref="StreamClocks"/> learns once they are applied, and
/// both clocks from history. One thread fills it.
/// </summary>
public sealed class TimeMarks
{
    private readonly Dictionary<uint, Dictionary<byte[], Mark>> _marks = [];
    private Mark? _last;

    /// <summary>The mark of one producer; found by a comparison where it is the last one's again.</summary>
    internal Mark Of(uint stream, ReadOnlySpan<byte> producer)
    {
        if (_last is not null && _last.Stream == stream && producer.SequenceEqual(_last.Producer))
        {
            return _last;
        }

        if (!_marks.TryGetValue(stream, out var ofStream))
        {
            _marks[stream] = ofStream = new Dictionary<byte[], Mark>(BytesComparer.Instance);
        }

        if (!ofStream.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(producer, out Mark? mark))
        {
            byte[] name = producer.ToArray();
            ofStream[name] = mark = new Mark(stream, name);
        }

        return _last = mark;
    }

    /// <summary>The marks of producers that have sent something.</summary>
    internal IEnumerable<Mark> WithEvents => _marks.Values.SelectMany(ofStream => ofStream.Values).Where(mark => mark.HasEvents);

    /// <summary>Streams that have marks.</summary>
    internal IEnumerable<uint> Streams => _marks.Keys;

    /// <summary>The newest event time of any producer of a stream; the smallest int64 where there is none.</summary>
    internal long NewestOf(uint stream)
    {
        long newest = long.MinValue;
        if (_marks.TryGetValue(stream, out var ofStream))
        {
            foreach (Mark mark in ofStream.Values)
            {
                newest = Math.Max(newest, mark.NewestMicros);
            }
        }

        return newest;
    }

    /// <summary>Writes <code>[ count : 4 ]</code> and of each mark <code>[ stream : 4 ][ producer : 4 + p ][ newest : 8 ][ arrival : 8 ][ stream time : 8 ]</code></summary>
    internal void Save(StateWriter to)
    {
        List<Mark> marks = [.. _marks.Values.SelectMany(ofStream => ofStream.Values).Where(mark => mark.HasEvents)];
        to.Int32(marks.Count);
        foreach (Mark mark in marks)
        {
            to.Int32((int)mark.Stream);
            to.Bytes(mark.Producer);
            to.Int64(mark.NewestMicros);
            to.Int64(mark.ArrivalMicros);
            to.Int64(mark.StreamTimeMicros);
        }
    }

    /// <summary>Takes in what was saved.</summary>
    internal void Load(ref StateReader from)
    {
        for (int count = from.Count(bytesEach: 32); count > 0; count--)
        {
            uint stream = (uint)from.Int32();
            Mark mark = Of(stream, from.Bytes());
            long newest = from.Int64();
            long arrival = from.Int64();
            mark.Add(newest, new EventTime(arrival), from.Int64());
        }
    }

    /// <summary>Tells the clock that reads go by.</summary>
    public void Tell(StreamClocks clocks)
    {
        foreach (Mark mark in _marks.Values.SelectMany(ofStream => ofStream.Values).Where(mark => mark.HasEvents))
        {
            clocks.Observe(mark.Stream, Encoding.UTF8.GetString(mark.Producer), new EventTime(mark.NewestMicros), new EventTime(mark.ArrivalMicros));
        }
    }

    /// <summary>Tells the clock that lateness is judged by, at start.</summary>
    public void Recall(IntakeClock clock)
    {
        foreach (Mark mark in _marks.Values.SelectMany(ofStream => ofStream.Values).Where(mark => mark.HasEvents))
        {
            clock.Recall(mark.Stream, mark.Producer, mark.NewestMicros, new EventTime(mark.ArrivalMicros), mark.StreamTimeMicros);
        }

        clock.RecallEnds();
    }

    /// <summary>What is known of one producer of one stream.</summary>
    internal sealed class Mark(uint stream, byte[] producer)
    {
        public uint Stream => stream;

        public byte[] Producer => producer;

        /// <summary>The producer's clock at intake, once a batch has asked for it.</summary>
        public IntakeClock.Producer? Clock { get; set; }

        public bool HasEvents { get; private set; }

        public long NewestMicros { get; private set; } = long.MinValue;

        public long ArrivalMicros { get; private set; } = long.MinValue;

        public long StreamTimeMicros { get; private set; } = EventRecord.NoStreamTime;

        public void Add(long eventTimeMicros, EventTime arrival, long streamTimeMicros)
        {
            HasEvents = true;
            NewestMicros = Math.Max(NewestMicros, eventTimeMicros);
            ArrivalMicros = Math.Max(ArrivalMicros, arrival.Micros);
            StreamTimeMicros = Math.Max(StreamTimeMicros, streamTimeMicros);
        }
    }
}
