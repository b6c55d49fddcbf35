using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Tests.Checkpoints;

/// <summary>Living records of state files that are to go, while their entities go on changing.</summary>
public sealed class CarryOverTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orleans-features-");

    public void Dispose() => _directory.Delete(recursive: true);

    /// <summary>Found by torture.py: the entity stood in the next checkpoint's list, its record went with this one's victim, and a crash between the two left only what was replayed.</summary>
    [Fact]
    public async Task An_entity_that_changes_after_the_list_was_taken_is_saved_by_the_checkpoint_that_drops_its_record()
    {
        await using TestStore source = await TestStore.OpenAsync(Transactions.Catalog(terminals: false));
        await source.PushAsync(Transaction(0, "ann"), Transaction(1, "bob"), Transaction(2, "bob"), Transaction(3, "ann"));
        List<byte[]> records = await source.RecordsAsync();
        Catalog catalog = source.Host.Catalog;
        FeatureRead ann = source.Question("customer", Transactions.At(10), "ann");

        using (SnapshotStore states = Open())
        {
            var partition = new Partition(catalog, MemoryBudget.Unlimited, states);
            Apply(partition, records, 0);
            Apply(partition, records, 1);
            Save(partition, states, () => { }).ShouldBe(0, "there is no file yet");
            Apply(partition, records, 2);
            Save(partition, states, () => { }).ShouldBe(0, "all of the one file lives");
            Save(partition, states, () => Apply(partition, records, 3)).ShouldBe(1, "half of the first file is garbage");
        }

        using SnapshotStore reopened = Open();
        var after = new Partition(catalog, MemoryBudget.Unlimited, reopened);
        reopened.ReadIndex(new AddSaved(after));
        after.Resume(new LogOffset(reopened.Head!.Applied[0]));
        Apply(after, records, 3);
        Count(after, ann).ShouldBe(2);
    }

    /// <summary>A checkpoint, with something that happens after it has taken its list. Returns how many files it had to carry over.</summary>
    private static int Save(Partition partition, SnapshotStore states, Action meanwhile)
    {
        using SnapshotWriter writer = states.Begin();
        PartitionCheckpoint share = partition.BeginSaving(0, writer);
        meanwhile();
        IReadOnlyList<StateFileInfo> victims = writer.Victims;
        foreach (StateFileInfo victim in victims)
        {
            writer.ReadEntries(victim, new CarryOver(partition, share));
        }

        while (partition.SaveSome(share))
        {
        }

        writer.Commit(new SnapshotHead { Fingerprint = 1, Through = LogSequence.None, Applied = [share.Applied.Value], Blob = ReadOnlyMemory<byte>.Empty });
        while (partition.PublishSome(share))
        {
        }

        return victims.Count;
    }

    private SnapshotStore Open() => SnapshotStore.Open(
        new SnapshotOptions { Directory = Path.Combine(_directory.FullName, "state"), StoreId = new Guid(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11]), PartitionCount = 1, GarbageShareMax = 0.1 }, new FileLogDevice(), TimeProvider.System);

    private static void Apply(Partition partition, List<byte[]> records, int offset)
    {
        using (partition.Enter())
        {
            partition.Apply_NeedsLock(EventRecord.Parse(records[offset]), new LogOffset(offset));
        }
    }

    private static long Count(Partition partition, FeatureRead question)
    {
        EntityRead entity = question.Selection.Entities[0];
        var values = new FeatureValue[entity.Plan.FeatureCount];
        partition.Read(entity.Entity, question.KeyOf(0, 0), entity.Plan, question.AsOf[0], question.KnownAt[0], values);
        return values[0].Scalar.Int64;
    }

    private static Value[] Transaction(long id, string customer) => Transactions.Of(id, id, customer, "t1", 1);

    private readonly record struct AddSaved(Partition Partition) : IStateIndexVisitor
    {
        public bool Visit(in StateEntry entry)
        {
            Partition.AddSaved(entry);
            return true;
        }
    }

    private readonly record struct CarryOver(Partition Partition, PartitionCheckpoint Share) : IStateIndexVisitor
    {
        public bool Visit(in StateEntry entry)
        {
            Partition.CarryOver(Share, entry);
            return true;
        }
    }
}
