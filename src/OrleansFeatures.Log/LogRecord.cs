using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log;

/// <summary>One record as it lies in a buffer. Valid only while that buffer is: within a visit, or until its batch is released.</summary>
public readonly ref struct LogRecord
{
    private readonly ReadOnlySpan<byte> _frame;

    internal LogRecord(ReadOnlySpan<byte> frame) => _frame = frame;

    public PartitionId Partition => new(Format.Frame.Partition(_frame));

    public LogOffset Offset => new(Format.Frame.Offset(_frame));

    public LogSequence Sequence => new(Format.Frame.Sequence(_frame));

    public ReadOnlySpan<byte> Payload => _frame[Format.Frame.HeaderBytes..];

    /// <summary>The whole frame, payload included, as <see cref="LogRecords.Of"/> takes it back.</summary>
    public ReadOnlySpan<byte> Frame => _frame;
}

/// <summary>The records of a batch in the order in which they were added; use it with foreach.</summary>
public readonly struct LogRecords
{
    private readonly ReadOnlyMemory<byte> _frames;

    internal LogRecords(ReadOnlyMemory<byte> frames) => _frames = frames;

    /// <summary>Records whose frames were stored elsewhere (<see cref="AppendBatch.Number"/>, <see cref="LogRecord.Frame"/>). Every frame is checked.</summary>
    /// <exception cref="LogCorruptException">The bytes are not what was stored; <paramref name="place"/> is named.</exception>
    public static LogRecords Of(ReadOnlyMemory<byte> frames, string place)
    {
        ReadOnlySpan<byte> rest = frames.Span;
        while (!rest.IsEmpty)
        {
            uint length = rest.Length < Frame.HeaderBytes ? 0 : Frame.Length(rest);
            if (length < Frame.HeaderBytes || length > rest.Length || Frame.Kind(rest) != FrameKind.Record || Frame.Checksum(AppendBatch.NoSalt, rest[..(int)length]) != Frame.Crc(rest))
            {
                throw new LogCorruptException(place, frames.Length - rest.Length, LogSequence.None, LogSequence.None, "a record's frame does not check");
            }

            rest = rest[(int)length..];
        }

        return new LogRecords(frames);
    }

    public Enumerator GetEnumerator() => new(_frames.Span);

    /// <summary>The record at a place that an enumerator was at.</summary>
    public LogRecord At(int position)
    {
        ReadOnlySpan<byte> rest = _frames.Span[position..];
        return new LogRecord(rest[..(int)Frame.Length(rest)]);
    }

    public ref struct Enumerator
    {
        private readonly int _bytes;
        private ReadOnlySpan<byte> _rest;
        private int _length;

        internal Enumerator(ReadOnlySpan<byte> frames)
        {
            _rest = frames;
            _bytes = frames.Length;
        }

        /// <summary>The place of the current record, for <see cref="At"/>.</summary>
        public readonly int Position => _bytes - _rest.Length;

        public readonly LogRecord Current => new(_rest[.._length]);

        public bool MoveNext()
        {
            _rest = _rest[_length..];
            if (_rest.IsEmpty)
            {
                _length = 0;
                return false;
            }

            _length = (int)Frame.Length(_rest);
            return true;
        }
    }
}

/// <summary>Receives the records of <see cref="EventLog.Read"/>. Make it a struct: the call is then compiled into the reading loop.</summary>
public interface ILogVisitor
{
    /// <summary>Sees one record; its payload is valid during the call only. False ends the reading.</summary>
    bool Visit(LogRecord record);
}
