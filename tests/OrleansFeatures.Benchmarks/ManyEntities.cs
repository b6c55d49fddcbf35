using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks;

/// <summary>Events of very many entities, 2.4 million of them in a day of event time, each of one entity at random; and reads of entities at random.</summary>
internal sealed class ManyEntities(int entities)
{
    private const long MicrosPerEvent = 36_000;
    private const long FirstMicros = 1_600_000_000_000_000;
    private const int Seed = 20_200_913;
    private long _next;

    /// <summary>Events given out.</summary>
    public long Count => Interlocked.Read(ref _next);

    public EventTime Newest => new(FirstMicros + (Count * MicrosPerEvent));

    public static Catalog Definitions()
    {
        var stream = new StreamDefinition("payments", 1, "id", "at", [new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("card", FieldType.Int64), new("amount", FieldType.Double)]);
        Duration day = Duration.Days(1);
        FeatureDefinition[] features = [.. ((string[])["count", "sum(amount)", "mean(amount)", "max(amount)", "stddev_pop(amount)"]).Select((aggregate, index) => new FeatureDefinition($"f{index}", aggregate, day, Duration.Zero, null, Value.Null))];
        var views = new FeatureViewDefinition("spend", 1, "card", "payments", null, [.. features]);
        return Catalog.Compile(new DefinitionSet([stream], [new EntityDefinition("card", ["card"]) { History = Duration.Zero }], [views], []), out var problems)
            ?? throw new InvalidOperationException(string.Join("; ", problems));
    }

    /// <summary>Pushes so many events, from several connections at once, and waits until reads can see them.</summary>
    public async Task PushAsync(EmbeddedHost host, long events, int batch = 2_000)
    {
        long end = Count + events;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Add(ref _next, batch) is var to && to - batch < end)
            {
                await PushAsync(host, to - batch, to);
            }

            Interlocked.Add(ref _next, -batch);
        })));
        foreach (PartitionState partition in host.Status().Partitions.Where(partition => partition.DurableOffset >= 0))
        {
            await host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition.Partition), new LogOffset(partition.DurableOffset)), CancellationToken.None);
        }
    }

    /// <summary>The next so many events as one push.</summary>
    public Task PushNextAsync(EmbeddedHost host, int batch) => Interlocked.Add(ref _next, batch) is var to ? PushAsync(host, to - batch, to) : Task.CompletedTask;

    /// <summary>Reads every feature of one entity at random.</summary>
    public static FeatureRead Question(Catalog catalog, Random random, int entities, EventTime asOf)
    {
        var read = new FeatureRead(catalog.AllOf("card")!, 1);
        byte[] key = new byte[EntityKeyEncoding.BytesMax];
        read.Keys[0] = key.AsMemory(0, EntityKeyEncoding.Append(key, Value.Of((long)random.Next(entities))));
        read.AsOf[0] = asOf;
        return read;
    }

    private async Task PushAsync(EmbeddedHost host, long from, long to)
    {
        using IntakeBatch batch = await host.BeginBatchAsync(CancellationToken.None);
        Fill(batch, from, to);
        await host.AppendAsync(batch, wait: true, CancellationToken.None);
    }

    private void Fill(IntakeBatch batch, long from, long to)
    {
        StreamPlan stream = batch.Catalog.Stream("payments")!;
        Span<Value> fields = new Value[4];
        for (long id = from; id < to; id++)
        {
            ulong random = Domain.StableHash.Mix((ulong)id + Seed);
            fields[0] = Value.Of(id);
            fields[1] = Value.Of(new EventTime(FirstMicros + (id * MicrosPerEvent)));
            fields[2] = Value.Of((long)(random % (ulong)entities));
            fields[3] = Value.Of((random >> 40) % 10_000 / 100.0);
            if (batch.Add(stream, stream.Version(0)!, fields, new Provenance { Producer = "till"u8.ToArray() }, out _) is not (IntakeResult.Accepted or IntakeResult.Late))
            {
                throw new InvalidOperationException($"event {id} was not accepted");
            }
        }
    }
}
