using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>Events as columns: the form for rate. Reading an event touches one cell of each column and allocates nothing.</summary>
public sealed class ColumnSource(PushRequest request) : EventSource
{
    private BoundColumn[] _columns = [];

    public override string Stream => request.Stream;

    public override uint SchemaVersion => request.SchemaVersion;

    public override int Count { get; } = CountOf(request.Columns);

    public override Producers Producers { get; } = Producers.Of(request, CountOf(request.Columns));

    public override void Bind(StreamVersion version)
    {
        int[] positions = FieldNames.Positions(version, request.FieldNames);
        IList<Column> columns = request.Columns.Columns;
        if (columns.Count != positions.Length && Count > 0)
        {
            throw Refuse.Argument("columns", $"{columns.Count} columns where {positions.Length} fields are expected", "send one column per field name, or per schema field when no names are given");
        }

        _columns = new BoundColumn[Count == 0 ? 0 : columns.Count];
        for (int index = 0; index < _columns.Length; index++)
        {
            _columns[index] = new BoundColumn(columns[index], version.Definition.Fields[positions[index]], positions[index], index, Count);
        }
    }

    public override EventRefusal? Read(int index, Span<Value> fields)
    {
        foreach (ref readonly BoundColumn column in _columns.AsSpan())
        {
            if (column.Read(index, out fields[column.Position]) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    public override void WriteJson(int index, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (ref readonly BoundColumn column in _columns.AsSpan())
        {
            column.WriteJson(index, writer);
        }

        writer.WriteEndObject();
    }

    private static int CountOf(ColumnEvents events) => events.Count <= Limits.EventsPerPushMax
        ? (int)events.Count
        : throw Refuse.Argument("columns.count", $"{events.Count} events in one push", $"send at most {Limits.EventsPerPushMax} at once");
}
