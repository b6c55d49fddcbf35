using System.Buffers;
using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Ingest;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// Events of a push on their way from the wire to a record, without a store: bound, read, checked, encoded. Whatever is accepted must come back from its record as it was, and be the same event when its
/// JSON, as the quarantine shows it, is pushed over REST. Whatever is refused must say how to mend it, and must be fit for the quarantine.
/// </summary>
internal sealed class EventOracle
{
    /// <summary>Events of one push that are looked at as JSON too: it is the most costly look, and neighbours say the same.</summary>
    private const int JsonMax = 3;

    private readonly EventRecordWriter _writer = new();
    private readonly ArrayBufferWriter<byte> _json = new();

    public Verdict Check(EventSource source)
    {
        StreamPlan? stream = Examples.Catalog.Stream(source.Stream);
        StreamVersion? version = source.SchemaVersion <= ushort.MaxValue ? stream?.Version((int)source.SchemaVersion) : null;
        if (version is null)
        {
            return Verdict.Refuse("no such stream or version");
        }

        try
        {
            source.Bind(version);
        }
        catch (RequestRefusedException refused)
        {
            return Verdict.Refuse(refused.Message);
        }

        var fields = new Value[version.Definition.Fields.Length];
        int accepted = 0;
        string last = "";
        for (int index = 0; index < source.Count; index++)
        {
            EventRefusal? refusal = source.ReadProvenance(index, out Provenance provenance) ?? source.Read(index, idOnly: provenance.Operation == EventOperation.Delete, fields);
            refusal ??= provenance.Operation == EventOperation.Delete ? EventCheck.RefuseDelete(version, fields) : EventCheck.Refuse(stream!, version, fields);
            string json = QuarantineJson.Of(source, index);
            if (refusal is not null)
            {
                WrongAnswerException.Unless(refusal.Reason.Length > 0 && refusal.Fix.Length > 0, $"event {index} is refused without a reason or a fix");
                last = refusal.Reason;
                continue;
            }

            accepted++;
            if (provenance.Operation != EventOperation.Delete)
            {
                RoundTrip(stream!, version, fields, provenance);
                if (accepted <= JsonMax)
                {
                    AsJson(source, version, json, fields);
                }
            }
        }

        return accepted > 0 ? Verdict.Accept($"{Math.Min(accepted, 3)} of {Math.Min(source.Count, 5)}, {last}") : Verdict.Refuse(last);
    }

    private void RoundTrip(StreamPlan stream, StreamVersion version, Value[] fields, in Provenance provenance)
    {
        _writer.WriteBody(stream, version, fields, new EventArrival(provenance.Arrival ?? new EventTime(1), 0, EventOperation.Insert, EventVersion.None), provenance.Producer);
        _writer.WriteHistoryHead();
        byte[] bytes = [.. _writer.Head, .. _writer.Body];
        EventRecord record = EventRecord.Parse(bytes);
        WrongAnswerException.Unless(record.Producer.SequenceEqual(provenance.Producer) && record.Time.Micros == fields[version.TimePosition].Bits, "a record has another producer or time than its event");
        var read = new Value[stream.Fields.Length];
        var texts = new bool[read.Length];
        Array.Fill(texts, true);
        record.ReadFields(stream, texts, read);
        for (int position = 0; position < fields.Length; position++)
        {
            int newest = version.ToNewest[position];
            WrongAnswerException.Unless(newest < 0 || read[newest] == fields[position], $"field {position} is {(newest < 0 ? "" : read[newest])} in the record and {fields[position]} in the event");
        }
    }

    private void AsJson(EventSource source, StreamVersion version, string json, Value[] fields)
    {
        if (json.Length >= Gateway.Limits.QuarantineJsonBytesMax / 2)
        {
            return;
        }

        List<JsonEvent> events = JsonEvents.Read(System.Text.Encoding.UTF8.GetBytes(json));
        var again = new JsonSource(source.Stream, source.SchemaVersion, new JsonProvenance("", ""), events);
        again.Bind(version);
        var read = new Value[fields.Length];
        if (again.Read(0, idOnly: false, read) is { } refusal)
        {
            throw new WrongAnswerException($"an accepted event, as JSON {json}, is refused: {refusal.Field}: {refusal.Reason}");
        }

        for (int position = 0; position < fields.Length; position++)
        {
            WrongAnswerException.Unless(read[position] == fields[position] || PrintsAlike(read[position], fields[position]), $"an accepted event, as JSON {json}, has {read[position]} in field {position} and not {fields[position]}");
        }

        _json.ResetWrittenCount();
        using var writer = new Utf8JsonWriter(_json);
        again.WriteJson(0, writer);
    }

    /// <summary>The runtime (10.0.12) prints 2^-25 and 2^-958, of all powers of two, as a number that reads back as their neighbour.</summary>
    private static bool PrintsAlike(Value left, Value right) => left.Type == FieldType.Double && right.Type == FieldType.Double && Math.Abs(right.Double) is 1.0 / (1 << 25) or 4.1045368012983762E-289 && left.ToString() == right.ToString();
}
