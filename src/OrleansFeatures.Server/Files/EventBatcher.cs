using System.Text;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Server.Files;

/// <summary>One message to the store.</summary>
/// <param name="Request">The message.</param>
/// <param name="Lines">For each of its events the line of the file it came from.</param>
/// <param name="CompleteThrough">Once this batch and all before it are acknowledged, every row up to this line is.</param>
internal sealed record PushBatch(PushRequest Request, long[] Lines, long CompleteThrough);

/// <summary>
/// Gathers rows into push batches. Rows whose every cell parses go into columns, which are cheap on the wire; a row with a cell
/// that does not parse goes, with that cell's raw text in place, into a row batch, so that the server refuses and quarantines
/// it with its own words. The two kinds fill side by side and leave together, so no row waits long for its kind:
/// <code>
///   file     1 2 3 4! 5 6! 7         (! = a cell that does not parse)
///   columns  1 2 3 5 7               rows  4 6
/// </code>
/// Order between them does not matter: a refused event changes nothing. Of a delete only the id is sent, so that it is refused only if it has no good one.
/// </summary>
internal sealed class EventBatcher(EventMapping mapping, int eventsPerBatch = Limits.BatchEvents)
{
    private readonly Value[] _row = new Value[mapping.Fields.Length];
    private readonly BatchLines _columnLines = new(mapping);
    private readonly BatchLines _rowLines = new(mapping);
    private readonly List<byte>[] _nulls = [.. mapping.Fields.Select(_ => new List<byte>())];
    private ColumnEvents _columns = NewColumns(mapping);
    private RowEvents _rows = new();
    private int _bytes;

    /// <summary>True when the batches should be taken before the next row.</summary>
    public bool IsFull => _columnLines.Count + _rowLines.Count >= eventsPerBatch || _bytes >= Limits.BatchBytes;

    /// <summary>Adds the reader's current row. Returns why it cannot even be sent, or null.</summary>
    public string? Add(RowReader reader)
    {
        if (reader.Problem is { } broken)
        {
            return broken;
        }

        if (!mapping.Envelope.TryRead(reader, out EventEnvelope envelope, out string problem))
        {
            return problem;
        }

        int bytes = 0;
        foreach (MappedField field in mapping.Fields)
        {
            bytes += sizeof(long) + reader.Cell(field.Column).Length;
        }

        if (bytes > Limits.PushRowBytesMax)
        {
            return $"the row is {bytes:N0} bytes, at most {Limits.PushRowBytesMax:N0} can be sent; shorten its longest text";
        }

        _bytes += bytes;
        bool idOnly = envelope.Operation == Operation.Delete;
        if (TryReadRow(reader, idOnly))
        {
            AppendColumns();
            _columnLines.Add(reader, envelope);
        }
        else
        {
            _rows.Rows.Add(RawRow(reader, idOnly));
            _rowLines.Add(reader, envelope);
        }

        return null;
    }

    /// <summary>What has been gathered: none, one or two batches. Starts anew.</summary>
    public IEnumerable<PushBatch> Take()
    {
        _bytes = 0;
        long last = Math.Max(_columnLines.Last, _rowLines.Last);
        if (_columnLines.Count > 0)
        {
            long complete = _rowLines.Count == 0 ? last : Math.Min(_columnLines.First, _rowLines.First) - 1;
            _columns.Count = (uint)_columnLines.Count;
            GiveNulls();
            PushRequest request = _columnLines.NewRequest();
            request.Columns = _columns;
            _columns = NewColumns(mapping);
            yield return new PushBatch(request, _columnLines.Take(), complete);
        }

        if (_rowLines.Count > 0)
        {
            PushRequest request = _rowLines.NewRequest();
            request.Rows = _rows;
            _rows = new RowEvents();
            yield return new PushBatch(request, _rowLines.Take(), last);
        }
    }

    private static ColumnEvents NewColumns(EventMapping mapping)
    {
        var columns = new ColumnEvents();
        foreach (MappedField _ in mapping.Fields)
        {
            columns.Columns.Add(new Column());
        }

        return columns;
    }

    private bool TryReadRow(RowReader reader, bool idOnly)
    {
        for (int at = 0; at < _row.Length; at++)
        {
            MappedField field = mapping.Fields[at];
            _row[at] = default;
            if (IsSent(at, idOnly) && !reader.IsNull(field.Column) && !CellText.TryRead(field.Type, reader.Cell(field.Column), out _row[at]))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsSent(int at, bool idOnly) => !idOnly || at == mapping.Envelope.IdField;

    private void AppendColumns()
    {
        for (int at = 0; at < _row.Length; at++)
        {
            Column column = _columns.Columns[at];
            ref readonly Value value = ref _row[at];
            if (value.IsNull)
            {
                MarkNull(_nulls[at], _columnLines.Count);
            }

            switch (mapping.Fields[at].Type)
            {
                case FieldType.Int64: column.Int64S.Add(value.Int64); break;
                case FieldType.Double: column.Doubles.Add(value.Double); break;
                case FieldType.String: column.Strings.Add(value.Text); break;
                case FieldType.Bool: column.Bools.Add(value.Bool); break;
                case FieldType.Timestamp: column.TimestampsMicros.Add(value.Bits); break;
            }
        }
    }

    private static void MarkNull(List<byte> nulls, int index)
    {
        while (nulls.Count <= index / 8)
        {
            nulls.Add(0);
        }

        nulls[index / 8] |= (byte)(1 << (index % 8));
    }

    /// <summary>A bitmap covers every event of the batch, or is empty; also when no event after the last null brings its byte.</summary>
    private void GiveNulls()
    {
        for (int at = 0; at < _nulls.Length; at++)
        {
            if (_nulls[at].Count > 0)
            {
                byte[] bits = new byte[(_columnLines.Count + 7) / 8];
                _nulls[at].CopyTo(bits);
                _columns.Columns[at].Nulls = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(bits);
                _nulls[at].Clear();
            }
        }
    }

    private EventRow RawRow(RowReader reader, bool idOnly)
    {
        var row = new EventRow();
        for (int at = 0; at < mapping.Fields.Length; at++)
        {
            MappedField field = mapping.Fields[at];
            var value = new V1.Value();
            row.Values.Add(value);
            if (!IsSent(at, idOnly) || reader.IsNull(field.Column))
            {
                continue;
            }

            ReadOnlySpan<byte> cell = reader.Cell(field.Column);
            if (!CellText.TryRead(field.Type, cell, out Value parsed))
            {
                value.String = Encoding.UTF8.GetString(cell);
                continue;
            }

            switch (field.Type)
            {
                case FieldType.Int64: value.Int64 = parsed.Int64; break;
                case FieldType.Double: value.Double = parsed.Double; break;
                case FieldType.String: value.String = parsed.Text; break;
                case FieldType.Bool: value.Bool = parsed.Bool; break;
                case FieldType.Timestamp: value.TimestampMicros = parsed.Bits; break;
            }
        }

        return row;
    }

    /// <summary>Lines of the events of one batch, and what they say beside their fields.</summary>
    private sealed class BatchLines(EventMapping mapping)
    {
        private readonly List<long> _lines = [];
        private readonly List<uint> _producerOfEvent = [];
        private readonly List<string> _producers = [];
        private readonly Dictionary<string, uint> _producerIndex = new(StringComparer.Ordinal);
        private readonly List<Operation> _operations = [];
        private readonly List<long> _arrivals = [];

        public int Count => _lines.Count;

        public long First => _lines[0];

        public long Last => Count == 0 ? 0 : _lines[^1];

        public void Add(RowReader reader, in EventEnvelope envelope)
        {
            _lines.Add(reader.Line);
            if (mapping.Envelope.Operation != EnvelopeMapping.NoColumn)
            {
                _operations.Add(envelope.Operation);
            }

            if (mapping.Envelope.Arrival != EnvelopeMapping.NoColumn)
            {
                _arrivals.Add(envelope.ArrivalMicros);
            }

            if (mapping.Envelope.Producer != EnvelopeMapping.NoColumn)
            {
                AddProducer(envelope.Producer);
            }
        }

        public PushRequest NewRequest()
        {
            var request = new PushRequest { Stream = mapping.Stream, SchemaVersion = mapping.SchemaVersion, Operation = mapping.Envelope.Otherwise };
            request.FieldNames.AddRange(mapping.Fields.Select(field => field.Name));
            if (_producers is not [] and not [""])
            {
                request.Producers.AddRange(_producers);
                request.ProducerOfEvent.AddRange(_producerOfEvent);
            }

            if (_operations.Exists(operation => operation != mapping.Envelope.Otherwise))
            {
                request.OperationOfEvent.AddRange(_operations);
            }

            if (_arrivals.Exists(arrival => arrival != EventEnvelope.ArrivesNow))
            {
                request.ArrivalTimeMicros.AddRange(_arrivals);
            }

            return request;
        }

        public long[] Take()
        {
            long[] lines = _lines.ToArray();
            _lines.Clear();
            _producers.Clear();
            _producerIndex.Clear();
            _producerOfEvent.Clear();
            _operations.Clear();
            _arrivals.Clear();
            return lines;
        }

        private void AddProducer(string name)
        {
            if (!_producerIndex.TryGetValue(name, out uint index))
            {
                index = (uint)_producers.Count;
                _producerIndex.Add(name, index);
                _producers.Add(name);
            }

            _producerOfEvent.Add(index);
        }
    }
}
