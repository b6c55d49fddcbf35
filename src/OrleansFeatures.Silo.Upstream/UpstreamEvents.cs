using OrleansFeatures.Postgres.Upstream;

namespace OrleansFeatures.Silo.Upstream;

/// <summary>
/// One message of a hub upstream, as an item of its partition's stream. Nobody writes to the body, so within a silo the item is handed over as it is and never copied.
/// </summary>
/// <param name="Stream">The stream of events, as definitions name it.</param>
/// <param name="Sequence">The message's place in its hub's partition; see <see cref="UpstreamPosition"/>.</param>
/// <param name="Previous">
/// The place of the message that the receiver read before this one; <see cref="Beginning"/> where it had just begun to read, at the partition's position. It links what was read to a chain, in which a batch that
/// never arrived is a missing link. Places themselves may have holes, for example in a compacted hub.
/// </param>
/// <param name="Offset">Where the hub finds the message.</param>
/// <param name="Body">One event or several, in JSON, as <c>POST /events/v1/{stream}</c> takes them.</param>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.UpstreamEvents")]
public sealed record UpstreamEvents(
    [property: Id(0)] string Stream, [property: Id(1)] long Sequence, [property: Id(2)] long Previous, [property: Id(3)] string Offset, [property: Id(4)] byte[] Body)
{
    /// <summary>Before every message.</summary>
    public const long Beginning = -1;

    public UpstreamPosition Position => new(Sequence, Offset);
}
