using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Tests.Upstream;

/// <summary>What a hub is to its readers: partitions of messages that stay, read from any offset on, as often as anybody likes. Places have holes, and offsets are no numbers, so that nothing comes to rely on either.</summary>
internal sealed class HubInMemory(string name, int partitions)
{
    private readonly ConcurrentDictionary<string, List<Message>> _messages = new(Enumerable.Range(0, partitions).Select(number => KeyValuePair.Create(NameOf(number), new List<Message>())));
    private readonly ConcurrentQueue<(string Partition, string Offset)> _begun = new();

    public string Name => name;

    public IReadOnlyList<string> Partitions { get; } = [.. Enumerable.Range(0, partitions).Select(NameOf)];

    /// <summary>Where receivers have begun, in order.</summary>
    public IReadOnlyCollection<(string Partition, string Offset)> Begun => _begun;

    public UpstreamPartition this[int partition] => new(name, NameOf(partition));

    /// <summary>Adds a message and answers its place.</summary>
    public long Send(int partition, string stream, string body)
    {
        List<Message> messages = _messages[NameOf(partition)];
        lock (messages)
        {
            messages.Add(new Message(3 * messages.Count + 2, stream, Encoding.UTF8.GetBytes(body)));
            return messages[^1].Sequence;
        }
    }

    /// <summary>Notes that somebody begins to read here, and answers the index of the first message.</summary>
    public int Begin(string partition, string offset, bool exists)
    {
        _begun.Enqueue((partition, offset));
        lock (_messages[partition])
        {
            return exists ? _messages[partition].FindIndex(message => OffsetOf(message.Sequence) == offset) : 0;
        }
    }

    /// <summary>Messages from an index on.</summary>
    public List<Message> Read(string partition, int from, int count)
    {
        List<Message> messages = _messages[partition];
        lock (messages)
        {
            return messages[from..Math.Min(messages.Count, from + count)];
        }
    }

    public static string OffsetOf(long sequence) => $"at-{sequence.ToString(CultureInfo.InvariantCulture)}";

    private static string NameOf(int partition) => partition.ToString(CultureInfo.InvariantCulture);

    internal sealed record Message(long Sequence, string Stream, byte[] Body);
}
