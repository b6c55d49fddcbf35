using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.V1;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>Events as columns: the form for rate. Reading an event touches one cell of each column and allocates nothing.</summary>
public sealed class ColumnSource(PushRequest request) : EventSource
{
    private readonly WireProvenance _provenance = new(request, CountOf(request.Columns));
    private BoundColumn[] _columns = [];
    private int _idPosition;

    public override string Stream => request.Stream;

    public override uint SchemaVersion => request.SchemaVersion;

    public override int Count { get; } = CountOf(request.Columns);

    public override void Bind(StreamVersion version)
    {
        _idPosition = version.IdPosition;
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

    public override EventRefusal? ReadProvenance(int index, out Provenance provenance) => _provenance.Read(index, out provenance);

    public override EventRefusal? Read(int index, bool idOnly, Span<Value> fields)
    {
        if (idOnly)
        {
            fields.Clear();
        }

        foreach (ref readonly BoundColumn column in _columns.AsSpan())
        {
            if (idOnly && column.Position != _idPosition)
            {
                continue;
            }

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
        _provenance.WriteJson(index, writer);
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
