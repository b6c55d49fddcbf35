using System.Text.Json;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>What a push says of its events beside their fields: who observed each, what it does, and when it arrived, for the batch or event by event.</summary>
internal sealed class WireProvenance
{
    /// <summary>An arrival time that says: now. Nothing arrived in 1970.</summary>
    private const long ArrivesNow = 0;

    private readonly Producers _producers;
    private readonly PushRequest _request;
    private readonly EventOperation _operation;

    /// <exception cref="RequestRefusedException">A list does not have an entry for each event, or names an operation that there is not.</exception>
    public WireProvenance(PushRequest request, int eventCount)
    {
        _request = request;
        _producers = Producers.Of(request, eventCount);
        _operation = Checked(request.Operation, "operation");
        RequireOneEach(request.OperationOfEvent.Count, eventCount, "operation_of_event", "an operation", "for `operation` to hold for all");
        RequireOneEach(request.ArrivalTimeMicros.Count, eventCount, "arrival_time_micros", "an arrival time", "for all to arrive now");
        for (int index = 0; index < request.OperationOfEvent.Count; index++)
        {
            Checked(request.OperationOfEvent[index], $"operation_of_event[{index}]");
        }
    }

    public EventRefusal? Read(int index, out Provenance provenance)
    {
        long arrival = _request.ArrivalTimeMicros.Count == 0 ? ArrivesNow : _request.ArrivalTimeMicros[index];
        provenance = new Provenance
        {
            Producer = _producers.Of(index),
            Operation = OperationOf(index),
            Arrival = arrival == ArrivesNow ? null : new EventTime(arrival),
        };
        return ArrivalTimes.Refuse(arrival);
    }

    /// <summary>For the quarantine: what is not the default, under the names that JSON events use.</summary>
    public void WriteJson(int index, Utf8JsonWriter writer)
    {
        if (OperationOf(index) is var operation and not EventOperation.Insert)
        {
            writer.WriteString(EnvelopeNames.Operation, EnvelopeNames.Of(operation));
        }

        if (_request.ArrivalTimeMicros.Count > 0 && _request.ArrivalTimeMicros[index] != ArrivesNow)
        {
            writer.WritePropertyName(EnvelopeNames.ArrivalTime);
            QuarantineJson.WriteTime(writer, _request.ArrivalTimeMicros[index]);
        }
    }

    private EventOperation OperationOf(int index) =>
        _request.OperationOfEvent.Count == 0 ? _operation : (EventOperation)_request.OperationOfEvent[index];

    private static EventOperation Checked(Operation operation, string field) => operation is Operation.Insert or Operation.Upsert or Operation.Delete
        ? (EventOperation)operation
        : throw Refuse.Argument(field, $"there is no operation {(int)operation}", "send INSERT (0), UPSERT (1) or DELETE (2)");

    private static void RequireOneEach(int entries, int eventCount, string field, string what, string orElse)
    {
        if (entries != 0 && entries != eventCount)
        {
            throw Refuse.Argument(field, $"it has {entries} entries for {eventCount} events", $"give {what} per event, or leave the list empty {orElse}");
        }
    }
}
