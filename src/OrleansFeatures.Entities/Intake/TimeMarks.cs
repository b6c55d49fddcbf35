using System.Text;
using OrleansFeatures.Domain.Events;

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
