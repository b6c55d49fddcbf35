using System.Text;
using System.Text.Json;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>What JSON events say of themselves beside their fields, over what the request says for all of them.</summary>
internal sealed class JsonProvenance
{
    private readonly byte[] _producer;
    private readonly EventOperation _operation;

    /// <exception cref="RequestRefusedException">There is no such operation, or the producer's name is too long.</exception>
    public JsonProvenance(string producer, string operation)
    {
        _producer = Encoding.UTF8.GetBytes(producer);
        if (RefuseProducer(_producer) is { } refusal)
        {
            throw Refuse.Argument("producer", refusal.Reason, refusal.Fix);
        }

        if (operation.Length > 0 && !EnvelopeNames.TryParse(operation, out _operation))
        {
            throw Refuse.Argument("op", $"there is no operation '{operation}'", $"use one of {string.Join(", ", EnvelopeNames.Operations)}");
        }
    }

    public static bool IsEnvelope(string property) => property is EnvelopeNames.Operation or EnvelopeNames.ArrivalTime or EnvelopeNames.Producer;

    public EventRefusal? Read(JsonElement element, out Provenance provenance)
    {
        provenance = new Provenance { Producer = _producer, Operation = _operation };
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.Null && ReadOne(property, ref provenance) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    private static EventRefusal? ReadOne(JsonProperty property, ref Provenance provenance)
    {
        string text = property.Value.ValueKind == JsonValueKind.String && IsEnvelope(property.Name) ? property.Value.GetString()! : "";
        switch (property.Name)
        {
            case EnvelopeNames.Operation when EnvelopeNames.TryParse(text, out EventOperation operation):
                provenance = new Provenance { Producer = provenance.Producer, Operation = operation, Arrival = provenance.Arrival };
                return null;
            case EnvelopeNames.Operation:
                return new EventRefusal(property.Name, $"there is no operation {property.Value.GetRawText()}", $"use one of {string.Join(", ", EnvelopeNames.Operations)}");
            case EnvelopeNames.ArrivalTime when EventTime.TryParse(text, out EventTime arrival):
                provenance = new Provenance { Producer = provenance.Producer, Operation = provenance.Operation, Arrival = arrival };
                return ArrivalTimes.Refuse(arrival.Micros);
            case EnvelopeNames.ArrivalTime:
                return new EventRefusal(property.Name, $"{property.Value.GetRawText()} is not a time", "send RFC 3339 with a zone, as 2018-04-01T00:00:31Z");
            case EnvelopeNames.Producer when property.Value.ValueKind == JsonValueKind.String:
                byte[] producer = Encoding.UTF8.GetBytes(text);
                provenance = new Provenance { Producer = producer, Operation = provenance.Operation, Arrival = provenance.Arrival };
                return RefuseProducer(producer);
            case EnvelopeNames.Producer:
                return new EventRefusal(property.Name, $"{property.Value.GetRawText()} is not text", "send the producer's name as text");
            default:
                return null;
        }
    }

    private static EventRefusal? RefuseProducer(byte[] name) => name.Length <= Domain.Limits.ProducerBytesMax
        ? null
        : new EventRefusal(EnvelopeNames.Producer, $"a name of {name.Length} bytes", $"use at most {Domain.Limits.ProducerBytesMax} bytes");
}
