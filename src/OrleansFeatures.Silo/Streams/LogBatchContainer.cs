using Orleans.Providers.Streams.Common;
using Orleans.Streams;

namespace OrleansFeatures.Silo.Streams;

/// <summary>
/// What one delivery carries: batches of one partition in offset order, as its stream's items. From the receiver it holds one append's batch; on its way to the grain all that have gathered
/// (<see cref="LogQueueCursor"/>), so that a grain that falls behind gets fewer and larger calls.
/// </summary>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.LogBatchContainer"), SerializationCallbacks(typeof(Departure))]
internal sealed class LogBatchContainer : IBatchContainer
{
    [NonSerialized]
    private readonly LogDeliveries? _deliveries;

    public LogBatchContainer(LogBatch[] batches, LogDeliveries? deliveries)
    {
        Batches = batches;
        _deliveries = deliveries;
    }

    [Id(0)]
    public LogBatch[] Batches { get; }

    public StreamId StreamId => LogStream.IdOf(Batches[0].PartitionId);

    /// <summary>The first record's offset. Nothing of ours goes by it but the cache's own cursors: a PartitionGrain looks at the batches' offsets.</summary>
    public StreamSequenceToken SequenceToken => new EventSequenceTokenV2(Batches[0].First);

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() =>
        Batches.OfType<T>().Select((batch, index) => Tuple.Create(batch, (StreamSequenceToken)new EventSequenceTokenV2(Batches[index].First)));

    public bool ImportRequestContext() => false;

    public override string ToString() => $"partition {Batches[0].Partition}, offsets {Batches[0].First} to {Batches[^1].Last}";

    /// <summary>A call within the process hands the container over as it is; one to another silo writes it to bytes, which is how we know.</summary>
    internal sealed class Departure
    {
        public void OnSerialized(LogBatchContainer container) => container._deliveries?.CountDeparture();
    }
}
