using Orleans.Providers.Streams.Common;
using Orleans.Streams;

namespace OrleansFeatures.Silo.Streams;

/// <summary>
/// What one delivery carries: one item. From the receiver that is what one append gave to the partition; on its way to the grain it is all that has gathered (<see cref="LogQueueCache.Gather"/>), so that a grain that falls
/// behind gets fewer and larger calls.
/// </summary>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.LogBatchContainer"), SerializationCallbacks(typeof(Departure))]
internal sealed class LogBatchContainer : IBatchContainer
{
    [NonSerialized]
    private readonly LogDeliveries? _deliveries;

    public LogBatchContainer(LogBatch batch, LogDeliveries? deliveries)
    {
        Batch = batch;
        _deliveries = deliveries;
    }

    [Id(0)]
    public LogBatch Batch { get; }

    public StreamId StreamId => LogStream.IdOf(Batch.PartitionId);

    /// <summary>The first record's offset. Nothing of ours goes by it but the cache's own cursors: a PartitionGrain looks at the batch's offsets.</summary>
    public StreamSequenceToken SequenceToken => new EventSequenceTokenV2(Batch.First);

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() => Batch is T item ? [Tuple.Create(item, SequenceToken)] : [];

    public bool ImportRequestContext() => false;

    public override string ToString() => $"partition {Batch.Partition}, offsets {Batch.First} to {Batch.Last}";

    /// <summary>A call within the process hands the container over as it is; one to another silo writes it to bytes, which is how we know.</summary>
    internal sealed class Departure
    {
        public void OnSerialized(LogBatchContainer container) => container._deliveries?.CountDeparture();
    }
}
