using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>The one event of ObserveAndGet: read like any pushed row, and remembered, because the read that follows takes time and keys from it.</summary>
internal sealed class ObservedEvent(ObserveAndGetRequest request) : EventSource
{
    private readonly RowSource _row = new(AsPush(request));
    private StreamVersion? _version;
    private Value[] _fields = [];

    public override string Stream => _row.Stream;

    public override uint SchemaVersion => _row.SchemaVersion;

    public override int Count => 1;

    public override bool IsPush => false;

    /// <summary>Once the event has been read and not refused.</summary>
    public EventTime Time => _fields[_version!.TimePosition].Time;

    public override void Bind(StreamVersion version)
    {
        _version = version;
        _row.Bind(version);
    }

    public override EventRefusal? ReadProvenance(int index, out Provenance provenance) => _row.ReadProvenance(index, out provenance);

    public override EventRefusal? Read(int index, bool idOnly, Span<Value> fields)
    {
        EventRefusal? refusal = _row.Read(index, idOnly, fields);
        _fields = fields.ToArray();
        return refusal;
    }

    public override void WriteJson(int index, Utf8JsonWriter writer) => _row.WriteJson(index, writer);

    /// <summary>The selection's key fields, from the event where it carries them, else from the request.</summary>
    public IEnumerable<KeyColumn> Keys(Selection selection)
    {
        List<KeyColumn> carried = [.. selection.KeyFields.Select(field => Carried(field.Name)).OfType<KeyColumn>()];
        foreach (KeyColumn given in request.Keys)
        {
            if (carried.Any(column => column.Field == given.Field))
            {
                throw Refuse.Argument($"keys.{given.Field}", "the event itself carries this field", "leave it out of `keys`");
            }
        }

        return carried.Concat(request.Keys);
    }

    private KeyColumn? Carried(string field)
    {
        int position = FieldNames.PositionOf(_version!, field);
        Value value = position < 0 ? Value.Null : _fields[position];
        return value.Type switch
        {
            FieldType.Int64 => new KeyColumn { Field = field, Int64S = { value.Int64 } },
            FieldType.String => new KeyColumn { Field = field, Strings = { value.Text } },
            _ => null,
        };
    }

    private static PushRequest AsPush(ObserveAndGetRequest request)
    {
        var push = new PushRequest { Stream = request.Stream, SchemaVersion = request.SchemaVersion, Producer = request.Producer, Rows = new RowEvents() };
        push.FieldNames.AddRange(request.FieldNames);
        push.Rows.Rows.Add(request.Event ?? throw Refuse.Argument("event", "there is no event", "send one row of values"));
        return push;
    }
}
