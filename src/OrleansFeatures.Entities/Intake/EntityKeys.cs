using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Entities.Intake;

/// <summary>The entities that one version of an event concerns: a key for each entity type that its stream feeds. Reused from event to event. One thread.</summary>
internal sealed class EntityKeys
{
    private readonly int[] _ends = new int[Domain.Limits.EntitiesPerStreamMax];
    private StreamPlan? _stream;
    private Value[] _newest = [];
    private bool[] _texts = [];
    private byte[] _bytes = [];

    /// <summary>The key of a feed, by its number in the stream's feeds; empty when the event concerns no entity of that type.</summary>
    public ReadOnlySpan<byte> Of(int feed) => _bytes.AsSpan((feed == 0 ? 0 : _ends[feed - 1]).._ends[feed]);

    /// <summary>The keys of a version in the log.</summary>
    public void Read(StreamPlan stream, in EventRecord record)
    {
        Prepare(stream);
        record.ReadFields(stream, _texts, _newest);
        Write(stream);
    }

    /// <summary>The keys of a version to come; <paramref name="fields"/> are by position of <paramref name="version"/>.</summary>
    public void Read(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields)
    {
        Prepare(stream);
        _newest.AsSpan().Clear();
        for (int position = 0; position < fields.Length; position++)
        {
            if (version.ToNewest[position] is >= 0 and var target)
            {
                _newest[target] = fields[position];
            }
        }

        Write(stream);
    }

    private void Prepare(StreamPlan stream)
    {
        if (_stream == stream)
        {
            return;
        }

        _stream = stream;
        _newest = new Value[stream.Fields.Length];
        _texts = new bool[stream.Fields.Length];
        _bytes = new byte[stream.Feeds.Length * EntityKeyEncoding.BytesMax];
        foreach (int position in stream.Feeds.SelectMany(feed => feed.KeyPositions))
        {
            _texts[position] = true;
        }
    }

    private void Write(StreamPlan stream)
    {
        int at = 0;
        for (int feed = 0; feed < stream.Feeds.Length; feed++)
        {
            at += EntityKeyEncoding.Write(_bytes.AsSpan(at), stream.Feeds[feed], _newest);
            _ends[feed] = at;
        }
    }
}
