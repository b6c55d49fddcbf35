using System.Buffers.Binary;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Entities.Saving;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Saving;

/// <summary>Entities as one value each, for stores that keep a row for every entity.</summary>
public sealed class EntityBlobTests
{
    [Theory]
    [InlineData(3)]
    [InlineData(20_000)]
    public async Task An_entity_that_was_saved_answers_as_before_and_goes_on_as_before(int events)
    {
        (PartitionContext context, EntityActor actor, byte[] record) = await GrownAsync(events);
        byte[] blob = EntityBlob.Save(actor);
        var elsewhere = new PartitionContext(Transactions.Catalog(), long.MaxValue);
        EntityActor loaded = EntityBlob.Load(elsewhere.LayoutOf(actor.Plan.Id), blob);
        Values(elsewhere, loaded, events).ShouldBe(Values(context, actor, events));

        loaded.Apply(0, EventRecord.Parse(record), new LogOffset(0)).ShouldBe(Domain.Windows.ApplyResult.Duplicate, "it knows what it has taken");

        // Parts that the first value had must be in the second as well.
        EntityActor again = EntityBlob.Load(context.LayoutOf(actor.Plan.Id), EntityBlob.Save(loaded));
        Values(context, again, events).ShouldBe(Values(context, actor, events));
    }

    [Fact]
    public async Task A_section_that_a_newer_version_adds_is_passed_over()
    {
        (PartitionContext context, EntityActor actor, _) = await GrownAsync(5);
        byte[] blob = EntityBlob.Save(actor);
        byte[] more = new byte[blob.Length + 11];
        blob.CopyTo(more, 0);
        BinaryPrimitives.WriteInt32LittleEndian(more.AsSpan(blob.Length), 77);
        BinaryPrimitives.WriteInt32LittleEndian(more.AsSpan(blob.Length + 4), 3);
        Values(context, EntityBlob.Load(context.LayoutOf(actor.Plan.Id), more), 5).ShouldBe(Values(context, actor, 5));
    }

    [Fact]
    public async Task A_newer_format_and_a_value_that_was_cut_are_refused()
    {
        (PartitionContext context, EntityActor actor, _) = await GrownAsync(5);
        byte[] blob = EntityBlob.Save(actor);
        EntityLayout layout = context.LayoutOf(actor.Plan.Id);
        for (int length = 0; length < blob.Length; length++)
        {
            byte[] cut = blob[..length];
            Should.Throw<StateFormatException>(() => EntityBlob.Load(layout, cut), $"cut to {length} bytes");
        }

        blob[0]++;
        Should.Throw<StateFormatException>(() => EntityBlob.Load(layout, blob)).Message.ShouldContain("a newer version");
    }

    private static async Task<(PartitionContext Context, EntityActor Actor, byte[] Record)> GrownAsync(int events)
    {
        await using TestStore store = await TestStore.OpenAsync(Transactions.Catalog(terminals: false));
        await store.PushAsync([.. Enumerable.Range(0, events).Select(id => Transactions.Of(id, id, "ann", $"t{id % 7}", id))]);
        List<byte[]> records = await store.RecordsAsync();
        var context = new PartitionContext(Transactions.Catalog(), long.MaxValue);
        EventRecord first = EventRecord.Parse(records[0]);
        context.TryFeed(first.StreamId, first.EntityTypeId, out PartitionFeed? feed).ShouldBeTrue();
        var actor = new EntityActor(feed!.Layout, first.Key);
        for (int offset = 0; offset < records.Count; offset++)
        {
            actor.Apply(feed.Timeline, EventRecord.Parse(records[offset]), new LogOffset(offset));
        }

        return (context, actor, records[0]);
    }

    private static string Values(PartitionContext context, EntityActor actor, int events)
    {
        EntityRead read = Transactions.Catalog().AllOf("customer")!.Entities[0];
        var values = new FeatureValue[read.Plan.FeatureCount];
        EntityStamp stamp = context.Read_NeedsLock(actor, actor.Plan, read.Plan, Transactions.At(events), EventTime.Never, values);
        return $"{stamp}: {string.Join(", ", values.Select(value => $"{value.Status} {value.Scalar} {string.Join(' ', value.List ?? [])}"))}";
    }
}
