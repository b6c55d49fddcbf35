using System.Text;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// Which producers may say when their events arrived, because they fill in history that some other system received. Everybody else's events arrive when they arrive:
/// what a model could have known is only trustworthy if its sources cannot write it themselves.
/// </summary>
/// <param name="producers">Their names; <c>*</c> is everyone, also events without a producer.</param>
public sealed class BackfillRight(IReadOnlyCollection<string> producers)
{
    public static readonly BackfillRight Nobody = new([]);

    private readonly bool _everyone = producers.Contains("*");
    private readonly byte[][] _names = [.. producers.Select(Encoding.UTF8.GetBytes)];

    /// <summary>Null, or why an event of this producer is refused that states its arrival.</summary>
    public EventRefusal? Refuse(ReadOnlySpan<byte> producer)
    {
        if (_everyone)
        {
            return null;
        }

        foreach (byte[] name in _names)
        {
            if (producer.SequenceEqual(name))
            {
                return null;
            }
        }

        string who = producer.IsEmpty ? "an event without a producer" : $"producer '{Encoding.UTF8.GetString(producer)}'";
        string option = producer.IsEmpty ? "name the event's producer and start the server with --backfill-producer and that name" : $"start the server with --backfill-producer '{Encoding.UTF8.GetString(producer)}'";
        return new EventRefusal("arrival_time", $"{who} has no right to state when events arrived", $"leave the arrival time out (the event then arrives now), or {option}");
    }
}
