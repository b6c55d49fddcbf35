using System.Buffers.Binary;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Grains;

public sealed class PoisonedRecordTests
{
    /// <summary>Where a record says which version of its stream's schema it was written by: one that the definitions do not have cannot be read.</summary>
    private const int SchemaVersionAt = 2;

    /// <summary>Bit 0 is the primary copy's: of this event history has that already.</summary>
    private const int FlagsAt = 1;

    [Fact]
    public async Task A_record_that_cannot_be_applied_stops_its_entity_and_no_other_also_after_the_partition_has_moved()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(terminals: false), silos: 2, partitions: 1);
        await cluster[0].PushAsync(Transactions.Insert(1, 0, "ann", "t", 1), Transactions.Insert(2, 0, "bob", "t", 1));
        await PoisonAsync(cluster, "ann");
        await cluster[0].PushAsync(Transactions.Insert(3, 1, "ann", "t", 1), Transactions.Insert(4, 1, "bob", "t", 1));

        await ShouldBeFaultedAsync(cluster);
        cluster.Logged.ShouldContain(line => line.Contains("A bug of ours: the record at partition 0, offset 2", StringComparison.Ordinal));
        int owner = Enumerable.Range(0, 2).Single(silo => cluster.Of<Silo.Grains.PartitionHomes>(silo).All.Any());
        await cluster.Cluster.StopSiloAsync(cluster.Cluster.Silos[owner]);
        await cluster.SettledAsync();
        await ShouldBeFaultedAsync(cluster);
    }

    private static async Task ShouldBeFaultedAsync(EntityCluster cluster)
    {
        foreach (IEntityHost host in cluster.OfAll<IEntityHost>())
        {
            (await Should.ThrowAsync<InvariantException>(() => host.ReadAsync("customer", "ann", Transactions.At(5)))).Message.ShouldContain("has been rebuilt");
            (await host.ReadAsync("customer", "bob", Transactions.At(5)))["count"].Scalar.ShouldBe(Value.Of(2L));
            using var rows = new PartialRows(2, Timeout.InfiniteTimeSpan, TimeProvider.System);
            var read = new FeatureRead(host.Catalog.AllOf("customer")!, 2) { Partial = rows };
            (read.Keys[0], read.Keys[1], read.AsOf[0], read.AsOf[1]) = (HostCalls.KeyOf("ann"), HostCalls.KeyOf("bob"), Transactions.At(5), Transactions.At(5));
            await host.ReadAsync(read, Eventually.Token);
            rows.Outcomes.ToArray().ShouldBe([RowOutcome.Lost, RowOutcome.Answered]);
            (read.Values[0], read.Values[3]).ShouldBe((FeatureValue.Invalid, FeatureValue.Of(Value.Of(2L))));
        }
    }

    /// <summary>Appends a copy of the entity's first record that says it was written by another version of the schema.</summary>
    private static async Task PoisonAsync(EntityCluster cluster, string customer)
    {
        PostgresLog log = cluster.Of<PostgresLog>(0);
        byte[]? payload = null;
        await log.ReadPartitionAsync(
            new PartitionId(0),
            LogOffset.None,
            cluster[0].DurableOffset(new PartitionId(0)),
            batch =>
            {
                foreach (LogRecord record in LogRecords.Of(batch.Frames, "a test"))
                {
                    payload ??= EventRecord.EntityOf(record.Payload, out _).SequenceEqual(HostCalls.KeyOf(customer)) ? record.Payload.ToArray() : null;
                }

                return default;
            },
            Eventually.Token);
        payload![FlagsAt] &= 0xfe;
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(SchemaVersionAt), 77);
        using var batch = new AppendBatch();
        batch.Add(new PartitionId(0), payload);
        await log.Finished.AppendAsync(batch, wait: true, Eventually.Token);
    }
}
