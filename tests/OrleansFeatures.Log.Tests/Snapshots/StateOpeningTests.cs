using System.Buffers.Binary;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Snapshots.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Snapshots;

/// <summary>What opening refuses though nothing is damaged, and what it leaves alone.</summary>
public class StateOpeningTests
{
    [Fact]
    public void The_state_of_another_store_is_refused_and_left_as_it_is()
    {
        var device = WithCheckpoint();
        var files = device.Files;
        var other = SnapshotTestKit.Options() with { StoreId = Guid.NewGuid() };
        var exception = Should.Throw<LogIncompatibleException>(() => SnapshotTestKit.Open(device, other));
        exception.Message.ShouldContain(SnapshotTestKit.StoreId.ToString());
        exception.Message.ShouldContain(other.StoreId.ToString());
        device.Files.Keys.ShouldBe(files.Keys, ignoreOrder: true);
        SnapshotTestKit.Open(device).Dispose(); // A refused opening has given the directory back.
    }

    [Fact]
    public void Another_number_of_partitions_is_refused() =>
        Should.Throw<LogIncompatibleException>(() => SnapshotTestKit.Open(WithCheckpoint(), SnapshotTestKit.Options(partitions: 3))).Message.ShouldContain("2 partitions");

    [Theory]
    [InlineData(StateFileNames.Manifest)]
    [InlineData(StateFileNames.ManifestCopy)]
    public void A_newer_format_is_refused_as_such_and_not_as_damage(string name)
    {
        var device = WithCheckpoint();
        var manifest = device.Files[name];
        BinaryPrimitives.WriteInt32LittleEndian(manifest.AsSpan(8), 2);
        BinaryPrimitives.WriteUInt32LittleEndian(manifest.AsSpan(^4..), Crc32C.Of(manifest.AsSpan(..^4)));
        device.Damage(name, manifest);
        var exception = Should.Throw<LogIncompatibleException>(() => SnapshotTestKit.Open(device));
        exception.File.ShouldEndWith(name);
        exception.Message.ShouldContain("format version 2");
    }

    [Fact]
    public void Files_that_are_not_the_stores_are_left_alone()
    {
        var device = WithCheckpoint();
        string[] strange = ["notes.txt", "state-1.data", "state-00000009.data.bak", "state-00000001.data.damaged-1", "log.lock"];
        device.SetFiles(device.Files.Concat(strange.Select(name => KeyValuePair.Create(name, new byte[] { 1 }))));
        using (var store = SnapshotTestKit.Open(device))
        {
            store.Checkpoint(2, (2, "b"));
        }

        device.Files.Keys.Where(strange.Contains).Count().ShouldBe(strange.Length);
    }

    [Fact]
    public void What_interrupted_checkpoints_left_is_deleted_and_their_numbers_are_not_used_again()
    {
        var device = WithCheckpoint();
        device.SetFiles(device.Files.Append(new(StateFileNames.Of(7), [1, 2, 3])).Append(new(StateFileNames.Manifest + LogFiles.NewSuffix, [4])));
        using var store = SnapshotTestKit.Open(device);
        device.Files.Keys.ShouldBe([StateFileNames.Of(1), StateFileNames.Manifest, StateFileNames.ManifestCopy], ignoreOrder: true);
        store.Checkpoint(2, (2, "b"));
        store.Files[^1].Number.ShouldBe(8);
    }

    [Fact]
    public void Nothing_is_deleted_while_a_copy_of_the_manifest_is_damaged()
    {
        var device = WithCheckpoint();
        device.SetFiles(device.Files.Append(new(StateFileNames.Of(7), [1, 2, 3])));
        device.Damage(StateFileNames.Manifest, []);
        using (var store = SnapshotTestKit.Open(device))
        {
            store.Repaired.ShouldHaveSingleItem().Reason.ShouldBe("the manifest is empty");
            device.Files.Keys.ShouldContain(StateFileNames.Of(7)); // The lost manifest might have named it.
        }

        using var again = SnapshotTestKit.Open(device);
        again.Repaired.ShouldBeEmpty();
        device.Files.Keys.ShouldNotContain(StateFileNames.Of(7));
    }

    [Fact]
    public void A_damaged_manifest_whose_checkpoint_was_never_acknowledged_gives_the_one_before()
    {
        var device = WithCheckpoint();
        var before = device.Files[StateFileNames.ManifestCopy];
        using (var store = SnapshotTestKit.Open(device))
        {
            store.Checkpoint(2, (2, "b"));
        }

        // A crash between the two renames, and then the newer one is damaged.
        device.Damage(StateFileNames.ManifestCopy, before);
        device.Damage(StateFileNames.Manifest, device.Files[StateFileNames.Manifest][..^1]);
        using var again = SnapshotTestKit.Open(device);
        again.Head!.Through.ShouldBe(new LogSequence(1));
        again.ReadAll().Keys.ShouldBe([1ul]);
        again.Repaired.ShouldHaveSingleItem().File.ShouldEndWith(StateFileNames.Manifest);
    }

    [Fact]
    public void Options_outside_their_range_are_refused_by_name()
    {
        var options = SnapshotTestKit.Options();
        (SnapshotOptions Options, string Name)[] wrong =
        [
            (options with { PartitionCount = 0 }, nameof(SnapshotOptions.PartitionCount)), (options with { FilesMax = 1 }, nameof(SnapshotOptions.FilesMax)),
            (options with { StateFileBytesMax = 1 }, nameof(SnapshotOptions.StateFileBytesMax)), (options with { GarbageShareMax = double.NaN }, nameof(SnapshotOptions.GarbageShareMax)),
            (options with { CarryBytesMax = -1 }, nameof(SnapshotOptions.CarryBytesMax)), (options with { StoreId = Guid.Empty }, nameof(SnapshotOptions.StoreId)),
        ];
        foreach (var (refused, name) in wrong)
        {
            Should.Throw<ArgumentException>(() => SnapshotTestKit.Open(new FaultyLogDevice(1), refused)).Message.ShouldContain(name);
        }
    }

    [Fact]
    public void What_a_record_or_head_must_not_be_is_refused_and_the_checkpoint_goes_on()
    {
        using var store = SnapshotTestKit.Open(new FaultyLogDevice(1));
        using var writer = store.Begin();
        Should.Throw<ArgumentOutOfRangeException>(() => writer.Add(StateRecordKind.Entity, 2, 0, 0, 0, 0, []));
        Should.Throw<ArgumentOutOfRangeException>(() => writer.Add((StateRecordKind)StateFrameKinds.Index, 0, 0, 0, 0, 0, []));
        Should.Throw<ArgumentOutOfRangeException>(() => writer.Add(StateRecordKind.Entity, 0, 0, 0, 0, 0, new byte[Limits.StateRecordBytesMax + 1]));
        Should.Throw<ArgumentException>(() => writer.Commit(SnapshotTestKit.Head(1, partitions: 1)));
        Should.Throw<ArgumentOutOfRangeException>(() => writer.Commit(SnapshotTestKit.Head(1) with { Blob = new byte[Limits.SnapshotBlobBytesMax + 1] }));
        var place = writer.Add(StateRecordKind.Entity, 0, 0, 0, 0, 0, new byte[Limits.StateRecordBytesMax]);
        writer.Commit(SnapshotTestKit.Head(1));
        byte[] buffer = [];
        store.Read(place, StateRecordKind.Entity, ref buffer).Length.ShouldBe(Limits.StateRecordBytesMax);
        Should.Throw<StateCorruptException>(() => store.Read(place, StateRecordKind.Part, ref buffer)).Reason.ShouldContain("not Part");
    }

    private static FaultyLogDevice WithCheckpoint()
    {
        var device = new FaultyLogDevice(1);
        using var store = SnapshotTestKit.Open(device);
        store.Checkpoint(1, (1, "a"));
        return device;
    }
}
