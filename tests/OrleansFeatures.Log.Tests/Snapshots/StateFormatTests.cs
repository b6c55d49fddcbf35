using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Snapshots.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Snapshots;

/// <summary>The bytes of format version 1, checked in: they must open for ever. They were written by <see cref="Write"/> and are never written again.</summary>
public class StateFormatTests
{
    private static readonly string _golden = Path.Combine(AppContext.BaseDirectory, "Golden", "state-version-1");
    private static readonly DateTimeOffset _written = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

    [Fact]
    public void Files_of_version_1_open_and_show_their_records()
    {
        var device = new FaultyLogDevice(1);
        device.SetFiles(System.IO.Directory.GetFiles(_golden).Select(path => KeyValuePair.Create(Path.GetFileName(path), File.ReadAllBytes(path))));
        using var store = SnapshotTestKit.Open(device);
        store.Repaired.ShouldBeEmpty();
        store.Verify(TestContext.Current.CancellationToken).Damage.ShouldBeEmpty();
        store.ReadAll().ShouldBe(new SortedDictionary<ulong, string> { [1] = "uno", [2] = "two", [3] = "", [4] = new string('4', 800) });

        var head = store.Head.ShouldNotBeNull();
        (head.Number, head.Fingerprint, head.Through, head.WrittenMicros).ShouldBe((2, 0xF00Dul, new LogSequence(17), _written.ToUnixTimeMilliseconds() * 1000));
        head.Applied.ShouldBe([17, 18]);
        head.Blob.ToArray().ShouldBe("clocks"u8.ToArray());
        store.Files.Select(file => (file.Number, file.Records, file.GarbageRecords, file.Checkpoint)).ShouldBe([(1, 3, 1, 1), (2, 1, 0, 2), (3, 1, 0, 2)]);

        var listing = new Listing();
        store.ReadIndex(listing);
        listing.Entries.Select(entry => (entry.Hash, entry.Check, entry.EntityType, entry.Partition, entry.Kind, entry.Tag)).ShouldBe(
        [
            (1, ~1ul, 7u, 1, StateRecordKind.Entity, 3u), (4, ~4ul, 7u, 0, StateRecordKind.Part, 800u),
            (3, ~3ul, 7u, 1, StateRecordKind.Page, 0u), (2, ~2ul, 7u, 0, StateRecordKind.Entity, 3u), (1, ~1ul, 7u, 1, StateRecordKind.Entity, 3u),
        ]);
        store.Checkpoint(18, (5, "goes on"));
        store.ReadAll()[5].ShouldBe("goes on");
    }

    [Fact]
    public void The_same_records_still_give_the_same_bytes()
    {
        var written = Write();
        foreach (var path in System.IO.Directory.GetFiles(_golden))
        {
            Convert.ToHexString(written[Path.GetFileName(path)]).ShouldBe(Convert.ToHexString(File.ReadAllBytes(path)), Path.GetFileName(path));
        }

        written.Count.ShouldBe(System.IO.Directory.GetFiles(_golden).Length);
    }

    [Fact]
    public void Names_are_read_back_and_no_other_name_is_taken_for_one()
    {
        StateFileNames.Number(StateFileNames.Of(42)).ShouldBe(42);
        StateFileNames.Number(StateFileNames.Of(Limits.StateFileNumberMax)).ShouldBe(Limits.StateFileNumberMax);
        foreach (var name in new[] { "state-42.data", "state-00000042.data.new", "state--0000042.data", "state-00000000.data", "state.manifest", "" })
        {
            StateFileNames.Number(name).ShouldBeNull(name);
        }
    }

    /// <summary>Two checkpoints; the second supersedes a record, goes on in a second file, and knows of the garbage that it made.</summary>
    private static IReadOnlyDictionary<string, byte[]> Write()
    {
        var device = new FaultyLogDevice(1);
        var options = SnapshotTestKit.Options() with { StateFileBytesMax = Limits.StateFileBytesMin };
        using (var store = SnapshotStore.Open(options, device, new SetClock(_written)))
        {
            using (var first = store.Begin())
            {
                first.Add(1, "one");
                first.Add(2, "two");
                first.Add(3, "", StateRecordKind.Page);
                first.Commit(SnapshotTestKit.Head(3));
            }

            var superseded = store.ReadTable()[1];
            store.Forget(superseded.Place, superseded.Length);
            using var second = store.Begin();
            second.Add(4, new string('4', 800), StateRecordKind.Part);
            second.Add(1, "uno");
            second.Commit(SnapshotTestKit.Head(17, blob: "clocks"));
        }

        return device.Files;
    }
}
