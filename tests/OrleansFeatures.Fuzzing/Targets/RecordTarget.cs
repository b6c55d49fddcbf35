using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Fuzzing.Engine;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// Records as the log holds them, read as every reader does: the head, the fields, the rows of every timeline. The log's checksums find damage before, so what comes here is foreign only if another program wrote it; it must end in
/// an <see cref="InvariantException"/> all the same, and no reader may see another event than the next one.
/// </summary>
internal sealed class RecordTarget : FuzzTarget
{
    private readonly EventRecordWriter _writer = new();
    private readonly StateMemory _memory = new();
    private readonly (RowReader Reader, RowLayout Layout)[] _rows;

    public RecordTarget()
    {
        RowLayout[] layouts = [.. Examples.Catalog.Entities.SelectMany(entity => entity.Timelines).Select(timeline => new RowLayout(timeline, _memory))];
        _rows = [.. layouts.Select(layout => (new RowReader(layout), layout))];
    }

    public override string Name => "record";

    public override IEnumerable<byte[]> Seeds()
    {
        foreach (StreamPlan stream in (StreamPlan[])[Examples.Orders, Examples.Clicks])
        {
            for (int number = 0; number < 4; number++)
            {
                Value[] fields = Examples.Event(stream, number);
                fields[^1] = number == 3 ? Value.Null : fields[^1];
                EventOperation operation = (EventOperation)number;
                _writer.WriteBody(stream, stream.Versions[^1], fields, new EventArrival(new EventTime(5), 77, operation, operation == EventOperation.Insert ? EventVersion.None : new EventVersion(3, 4)), "till"u8);
                foreach (StreamFeed feed in stream.Feeds)
                {
                    _writer.WriteHead(feed, stream.Versions[^1], fields, primary: true);
                    yield return [.. _writer.Head, .. _writer.Body];
                }

                byte[] first = [.. _writer.Head, .. _writer.Body];
                first[0] = 1;
                yield return first;
            }
        }
    }

    public override Verdict Run(byte[] input)
    {
        try
        {
            return Read(input);
        }
        catch (InvariantException broken)
        {
            return Verdict.Refuse(broken.Message);
        }
    }

    private Verdict Read(byte[] input)
    {
        EventRecord record = EventRecord.Parse(input);
        ReadOnlySpan<byte> key = EventRecord.EntityOf(input, out uint entity);
        WrongAnswerException.Unless(key.SequenceEqual(record.Key) && entity == record.EntityTypeId, "two readers see two entities");
        uint id = record.StreamId;
        StreamPlan? stream = Examples.Catalog.Streams.FirstOrDefault(known => known.Id == id);
        if (stream is null || stream.Version(record.SchemaVersion) is not { } version || stream.HasTextIds != record.HasTextId)
        {
            return Verdict.Accept("of no known stream");
        }

        var fields = new Value[stream.Fields.Length];
        var texts = new bool[fields.Length];
        Array.Fill(texts, true);
        record.ReadFields(stream, texts, fields);
        foreach ((RowReader reader, RowLayout layout) in _rows)
        {
            if (layout.Plan.Stream == stream)
            {
                CheckRow(reader.Read(record), layout, fields);
            }
        }

        return Verdict.Accept($"{record.Operation} {string.Concat(fields.Select(field => field.IsNull ? '-' : '+'))}");
    }

    private static void CheckRow(ReadOnlySpan<long> row, RowLayout layout, Value[] fields)
    {
        for (int column = 0; column < layout.Plan.Columns.Length; column++)
        {
            ColumnPlan plan = layout.Plan.Columns[column];
            bool isNull = ((ulong)row[RowLayout.Flags] & plan.NullBit) != 0;
            long cell = row[RowLayout.FirstColumn + column];
            Value value = isNull ? Value.Null : plan.Type == FieldType.String ? Value.Of(layout.Memory.Texts.Text(cell)) : Value.FromBits(plan.Type, cell);
            bool isSame = value == fields[plan.Field] || (plan.Type == FieldType.Double && !isNull && (value.Double == fields[plan.Field].Double || double.IsNaN(value.Double)));
            WrongAnswerException.Unless(isSame, $"the row has {value} where the record has {fields[plan.Field]}");
        }

        layout.Release(row);
    }
}
