using System.Collections.Immutable;
using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Snapshots;

public class CheckpointTests
{
    private readonly FaultyLogDevice _device = new(1);

    [Fact]
    public void A_new_directory_has_no_checkpoint()
    {
        using var store = SnapshotTestKit.Open(_device);
        store.Head.ShouldBeNull();
        store.ReadAll().ShouldBeEmpty();
        store.Files.ShouldBeEmpty();
        store.BytesOnDisk.ShouldBe(0);
    }

    [Fact]
    public void What_was_committed_is_there_after_reopening()
    {
        using (var store = SnapshotTestKit.Open(_device))
        {
            using var writer = store.Begin();
            writer.Add(1, "one");
            writer.Add(2, "two");
            writer.Commit(SnapshotTestKit.Head(41, blob: "clocks")).Number.ShouldBe(1);
        }

        using var again = SnapshotTestKit.Open(_device);
        again.Repaired.ShouldBeEmpty();
        again.ReadAll().ShouldBe(new SortedDictionary<ulong, string> { [1] = "one", [2] = "two" });
        var head = again.Head.ShouldNotBeNull();
        head.Fingerprint.ShouldBe(0xF00Du);
        head.Through.ShouldBe(new LogSequence(41));
        head.Applied.ShouldBe([41, 42]);
        head.Blob.ToArray().ShouldBe("clocks"u8.ToArray());
        head.Number.ShouldBe(1);
        head.WrittenMicros.ShouldBeGreaterThan(0);
    }

    [Fact]
    public void An_entry_says_all_that_was_given_with_its_record()
    {
        using var store = SnapshotTestKit.Open(_device);
        using (var writer = store.Begin())
        {
            writer.Add(StateRecordKind.Page, 1, 0xABCD, 11, 22, 33, "payload"u8);
            writer.Commit(SnapshotTestKit.Head(0));
        }

        var listing = new Listing();
        store.ReadIndex(listing);
        var entry = listing.Entries.ShouldHaveSingleItem();
        entry.ShouldBe(new StateEntry(StateRecordKind.Page, 1, 0xABCD, 11, 22, entry.Place, entry.Length, 33));
        byte[] buffer = [];
        store.Read(entry.Place, StateRecordKind.Page, ref buffer, out var read).ToArray().ShouldBe("payload"u8.ToArray());
        read.ShouldBe(entry);
    }

    [Fact]
    public void The_newest_record_of_a_thing_is_shown_first()
    {
        using var store = SnapshotTestKit.Open(_device);
        store.Checkpoint(1, (1, "a"), (2, "b"));
        store.Checkpoint(2, (1, "a2"), (3, "c"), (1, "a3"));
        store.ReadAll().ShouldBe(new SortedDictionary<ulong, string> { [1] = "a3", [2] = "b", [3] = "c" });
        var listing = new Listing();
        store.ReadIndex(listing);
        listing.Entries.Select(entry => (entry.Place.File, entry.Hash)).ShouldBe([(2, 1), (2, 3), (2, 1), (1, 2), (1, 1)]);
    }

    [Fact]
    public void A_record_can_be_read_before_its_checkpoint_is_committed_wherever_it_lies()
    {
        using var store = SnapshotTestKit.Open(_device);
        using var writer = store.Begin();
        var records = Enumerable.Range(0, 60).Select(i => new string((char)('a' + i % 26), i * 4001)).ToList(); // 7 MB: some written, some in the buffer, some astride.
        var places = records.Select((record, i) => writer.Add((ulong)i, record)).ToList();
        for (var i = 0; i < places.Count; i++)
        {
            store.ReadText(places[i]).ShouldBe(records[i], $"record {i}");
        }

        writer.Flush();
        store.ReadText(places[^1]).ShouldBe(records[^1]);
        writer.Commit(SnapshotTestKit.Head(1));
        store.ReadText(places[^1]).ShouldBe(records[^1]);
    }

    [Fact]
    public void Without_a_commit_nothing_has_happened()
    {
        using (var store = SnapshotTestKit.Open(_device))
        {
            store.Checkpoint(1, (1, "a"));
            StatePlace place;
            using (var writer = store.Begin())
            {
                place = writer.Add(1, "never");
                Should.Throw<InvalidOperationException>(() => store.Begin());
            }

            store.ReadAll()[1].ShouldBe("a");
            store.Head!.Through.ShouldBe(new LogSequence(1));
            byte[] buffer = [];
            Should.Throw<StateGoneException>(() => store.Read(place, StateRecordKind.Entity, ref buffer)).Place.ShouldBe(place);
            store.Checkpoint(2, (2, "b"));
        }

        using var again = SnapshotTestKit.Open(_device);
        again.ReadAll().ShouldBe(new SortedDictionary<ulong, string> { [1] = "a", [2] = "b" });
        _device.Files.Count.ShouldBe(4); // Two state files, the manifest, its copy.
    }

    [Fact]
    public void A_checkpoint_without_records_moves_the_head_and_makes_no_file()
    {
        using var store = SnapshotTestKit.Open(_device);
        store.Checkpoint(5);
        store.Head!.Through.ShouldBe(new LogSequence(5));
        store.Files.ShouldBeEmpty();
    }

    [Fact]
    public void A_file_that_is_mostly_garbage_is_a_victim_and_goes_when_its_records_are_carried_over()
    {
        using var store = SnapshotTestKit.Open(_device);
        store.Checkpoint(1, (1, "a"), (2, "b"), (3, "c"));
        store.Checkpoint(2, (1, "a2"), (2, "b2"));
        store.ReadTable();
        store.Files[0].GarbageRecords.ShouldBe(2);
        StatePlace moved;
        using (var writer = store.Begin())
        {
            var victim = writer.Victims.ShouldHaveSingleItem();
            victim.Number.ShouldBe(1);
            var listing = new Listing();
            writer.ReadEntries(victim, listing);
            moved = writer.Copy(listing.Entries.Single(entry => entry.Hash == 3));
            store.ReadText(moved).ShouldBe("c");
            writer.Commit(SnapshotTestKit.Head(3));
        }

        store.Files.Select(file => file.Number).ShouldBe([2, 3]);
        _device.Files.Keys.Where(name => name.StartsWith("state-", StringComparison.Ordinal)).ShouldBe(["state-00000002.data", "state-00000003.data"], ignoreOrder: true);
        store.ReadAll().ShouldBe(new SortedDictionary<ulong, string> { [1] = "a2", [2] = "b2", [3] = "c" });
    }

    [Fact]
    public void What_was_forgotten_is_kept_with_the_next_checkpoint()
    {
        using (var store = SnapshotTestKit.Open(_device))
        {
            store.Checkpoint(1, (1, "a"), (2, "b"), (3, "c"));
            var table = store.ReadTable();
            store.Forget(table[1].Place, table[1].Length);
            store.Forget(table[2].Place);
            store.Forget(default);
            store.Files[0].GarbageRecords.ShouldBe(2);
            store.Files[0].GarbageBytes.ShouldBe(table[1].Length * 2);
            using var writer = store.Begin(compact: false);
            writer.Victims.ShouldBeEmpty();
            writer.Commit(SnapshotTestKit.Head(2));
        }

        using var again = SnapshotTestKit.Open(_device);
        again.Files[0].GarbageRecords.ShouldBe(2);
        again.Begin().Victims.Count.ShouldBe(1);
    }

    [Fact]
    public void Garbage_that_the_index_cannot_show_is_not_forgotten_at_a_start()
    {
        using (var store = SnapshotTestKit.Open(_device))
        {
            StatePlace part;
            using (var first = store.Begin())
            {
                part = first.Add(1, "part", StateRecordKind.Part);
                first.Add(2, "other", StateRecordKind.Part);
                first.Commit(SnapshotTestKit.Head(1));
            }

            store.Forget(part); // Its head names another part now; no newer record says so.
            using var second = store.Begin();
            second.Commit(SnapshotTestKit.Head(2));
        }

        using var again = SnapshotTestKit.Open(_device);
        again.ReadIndex(new Listing());
        again.Files[0].GarbageRecords.ShouldBe(1);
    }

    [Fact]
    public void Stores_of_two_directories_on_one_disk_know_nothing_of_each_other()
    {
        var disk = new FaultyLogDevice(1) { HasDirectories = true };
        using (var a = SnapshotTestKit.Open(disk, SnapshotTestKit.Options("/data/a")))
        using (var b = SnapshotTestKit.Open(disk, SnapshotTestKit.Options("/data/b")))
        {
            a.Checkpoint(1, (1, "a"));
            b.Checkpoint(2, (1, "b"));
            Should.Throw<LogInUseException>(() => SnapshotTestKit.Open(disk, SnapshotTestKit.Options("/data/a")));
        }

        using var again = SnapshotTestKit.Open(disk, SnapshotTestKit.Options("/data/a"));
        again.ReadAll()[1].ShouldBe("a");
        disk.RestartMachine(0);
        using var other = SnapshotTestKit.Open(disk, SnapshotTestKit.Options("/data/b"));
        other.ReadAll()[1].ShouldBe("b");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_checkpoint_that_replaces_all_leaves_nothing_of_the_old_once_it_is_committed(bool commits)
    {
        using (var store = SnapshotTestKit.Open(_device))
        {
            store.Checkpoint(1, (1, "a"), (2, "b"));
            store.Checkpoint(2, (3, "c"));
            using var writer = store.Begin();
            writer.ReplaceAll();
            writer.Add(9, "anew");
            if (commits)
            {
                writer.Commit(SnapshotTestKit.Head(3));
            }
        }

        using var again = SnapshotTestKit.Open(_device);
        again.ReadAll().Keys.ShouldBe(commits ? [9ul] : [1ul, 2ul, 3ul]);
        _device.Files.Count.ShouldBe(2 + again.Files.Count);
    }

    [Fact]
    public void Many_small_files_are_put_together()
    {
        using var store = SnapshotTestKit.Open(_device, SnapshotTestKit.Options() with { FilesMax = 6 });
        for (var i = 0; i < 40; i++)
        {
            store.Checkpoint(i, ((ulong)i, $"value {i}"));
            store.Files.Count.ShouldBeLessThanOrEqualTo(6);
        }

        store.ReadAll().Count.ShouldBe(40);
    }

    [Fact]
    public void A_huge_checkpoint_goes_on_in_more_files()
    {
        using (var store = SnapshotTestKit.Open(_device, SnapshotTestKit.Options() with { StateFileBytesMax = 4096 }))
        {
            store.Checkpoint(1, [.. Enumerable.Range(0, 100).Select(i => ((ulong)i, new string('x', 200)))]);
            store.Files.Count.ShouldBeGreaterThan(5);
            store.Files.ShouldAllBe(file => file.Bytes <= 4096);
            store.Checkpoint(2, (1000, new string('y', 10_000))); // Larger than a file may be: it has one of its own.
        }

        using var again = SnapshotTestKit.Open(_device);
        again.ReadAll().Count.ShouldBe(101);
    }

    [Fact]
    public void An_index_of_many_blocks_is_read_whole_and_newest_first()
    {
        const int records = 2 * Limits.StateIndexBlockEntries + 17;
        using (var store = SnapshotTestKit.Open(_device))
        {
            using var writer = store.Begin();
            for (var i = 0; i < records; i++)
            {
                writer.Add((ulong)i, "");
            }

            writer.Commit(SnapshotTestKit.Head(1));
        }

        using var again = SnapshotTestKit.Open(_device);
        var listing = new Listing();
        again.ReadIndex(listing);
        listing.Entries.Select(entry => (int)entry.Hash).ShouldBe(Enumerable.Range(0, records).Reverse());
    }

    [Fact]
    public void Real_files_do_as_memory_does()
    {
        using var directory = new TempDirectory();
        var path = Path.Combine(directory, "deeply", "nested");
        using (var store = SnapshotTestKit.Open(new FileLogDevice(), SnapshotTestKit.Options(path)))
        {
            for (var i = 0; i < 10; i++)
            {
                store.Checkpoint(i, (1, $"a{i}"), ((ulong)i + 10, "b"));
            }

            Should.Throw<LogInUseException>(() => SnapshotTestKit.Open(new FileLogDevice(), SnapshotTestKit.Options(path)));
        }

        using var again = SnapshotTestKit.Open(new FileLogDevice(), SnapshotTestKit.Options(path));
        again.ReadAll().Count.ShouldBe(11);
        again.ReadAll()[1].ShouldBe("a9");
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 60)]
    [InlineData(Limits.StateFileNumberMax, (1L << 40) - 1)]
    public void A_place_keeps_file_and_position(long file, long position)
    {
        var place = StatePlace.At(file, position);
        (place.File, place.Position, place.IsNowhere).ShouldBe((file, position, false));
        default(StatePlace).IsNowhere.ShouldBeTrue();
    }
}
