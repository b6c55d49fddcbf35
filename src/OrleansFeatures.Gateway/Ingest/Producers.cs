using System.Text;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>Who observed each event of a push: one name for all, or a list of names and an index per event.</summary>
public sealed class Producers
{
    public static readonly Producers Nobody = new([[]], []);

    private readonly byte[][] _names;
    private readonly IList<uint> _ofEvent;

    private Producers(byte[][] names, IList<uint> ofEvent)
    {
        _names = names;
        _ofEvent = ofEvent;
    }

    /// <exception cref="RequestRefusedException">A name is too long, or the two lists do not fit each other.</exception>
    public static Producers Of(PushRequest request, int eventCount)
    {
        if (request.Producers.Count == 0 && request.ProducerOfEvent.Count == 0)
        {
            return request.Producer.Length == 0 ? Nobody : new Producers([Utf8(request.Producer, "producer")], []);
        }

        if (request.ProducerOfEvent.Count != eventCount)
        {
            throw Refuse.Argument("producer_of_event", $"it has {request.ProducerOfEvent.Count} entries for {eventCount} events", "give one index into `producers` per event, or leave both lists empty");
        }

        for (int index = 0; index < eventCount; index++)
        {
            if (request.ProducerOfEvent[index] >= request.Producers.Count)
            {
                throw Refuse.Argument($"producer_of_event[{index}]", $"{request.ProducerOfEvent[index]} is beyond the {request.Producers.Count} names of `producers`", "give an index into `producers`, from zero");
            }
        }

        return new Producers([.. request.Producers.Select((name, index) => Utf8(name, $"producers[{index}]"))], request.ProducerOfEvent);
    }

    public ReadOnlySpan<byte> Of(int index) => _ofEvent.Count == 0 ? _names[0] : _names[(int)_ofEvent[index]];

    private static byte[] Utf8(string name, string field)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length <= Domain.Limits.ProducerBytesMax
            ? bytes
            : throw Refuse.Argument(field, $"a name of {bytes.Length} bytes", $"use at most {Domain.Limits.ProducerBytesMax} bytes");
    }
}
