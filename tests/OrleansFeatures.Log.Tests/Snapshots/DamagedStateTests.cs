using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Snapshots.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Snapshots;

/// <summary>
/// The corruption matrix: each kind of damage in each kind of file, at rest and under an open store. Whatever happens, a value is right or an exception names the file, and nothing that was good is changed or deleted.
/// </summary>
public class DamagedStateTests
{
    private const int Records = 12;
    private static readonly Lazy<IReadOnlyDictionary<string, byte[]>> _sound = new(Write);
    private static readonly SortedDictionary<ulong, string> _expected = new(Enumerable.Range(0, Records).ToDictionary(i => (ulong)i, ValueOf));

    /// <summary>Small files are carried over only because there are more than two: every checkpoint of these tests has victims.</summary>
    private static SnapshotOptions Options => SnapshotTestKit.Options() with { FilesMax = 2 };

    private static SnapshotOptions Keeping => SnapshotTestKit.Options();

    public static TheoryData<string> FileNames => [StateFileNames.Of(1), StateFileNames.Of(2), StateFileNames.Of(3), StateFileNames.Manifest, StateFileNames.ManifestCopy];

    [Theory]
    [MemberData(nameof(FileNames))]
    public void Damage_at_rest_is_found_and_named_and_nothing_good_is_lost(string name)
    {
        foreach (var (what, at, bytes) in Damaged(_sound.Value[name]))
        {
            RequireNamedAtRest(name, With(name, bytes), $"{name}: {what}", at);
        }
    }

    [Theory]
    [MemberData(nameof(FileNames))]
    public void Damage_under_an_open_store_is_found_and_named_and_nothing_good_is_lost(string name)
    {
        foreach (var (what, _, bytes) in Damaged(_sound.Value[name]))
        {
            RequireNamedWhileOpen(name, bytes, $"{name}: {what}");
        }
    }

    [Fact]
    public void Damage_to_both_manifests_is_refused_and_changes_nothing()
    {
        var sound = _sound.Value;
        foreach (var (what, _, first) in Damaged(sound[StateFileNames.Manifest]))
        {
            foreach (var second in new[] { null, [], sound[StateFileNames.ManifestCopy][..50], Flip(sound[StateFileNames.ManifestCopy], 99) })
            {
                var files = With(StateFileNames.ManifestCopy, second, With(StateFileNames.Manifest, first));
                var device = SnapshotTestKit.Device(files);
                var exception = Should.Throw<StateCorruptException>(() => SnapshotTestKit.Open(device, Keeping), what);
                Path.GetFileName(exception.File).ShouldBeOneOf(StateFileNames.Manifest, StateFileNames.ManifestCopy);
                RequireSame(device.Files, files, what);
                SnapshotStore.Verify(SnapshotTestKit.Directory, device, TestContext.Current.CancellationToken).Damage
                    .Select(damage => Path.GetFileName(damage.File)).ShouldBe([StateFileNames.Manifest, StateFileNames.ManifestCopy], what);
            }
        }
    }

    [Fact]
    public void A_manifest_that_says_something_else_than_its_copy_is_refused()
    {
        var other = new FaultyLogDevice(1);
        using (var store = SnapshotTestKit.Open(other, Keeping))
        {
            store.Checkpoint(1, (77, "x"));
            store.Checkpoint(2);
            store.Checkpoint(3);
        }

        var device = SnapshotTestKit.Device(With(StateFileNames.ManifestCopy, other.Files[StateFileNames.ManifestCopy]));
        Should.Throw<StateCorruptException>(() => SnapshotTestKit.Open(device, Keeping)).Reason.ShouldContain("different things");
    }

    [Fact]
    public void Files_put_in_each_others_place_are_refused()
    {
        var (first, second) = (StateFileNames.Of(1), StateFileNames.Of(2));
        var swapped = With(first, _sound.Value[second], With(second, _sound.Value[first]));
        Should.Throw<StateCorruptException>(() => SnapshotTestKit.Open(SnapshotTestKit.Device(swapped), Keeping)).File.ShouldEndWith(first);
    }

    [Fact]
    public void A_sound_file_of_another_history_with_the_same_number_and_length_is_refused()
    {
        var other = new FaultyLogDevice(1);
        using (var store = SnapshotTestKit.Open(other, Keeping))
        {
            store.Checkpoint(1, [.. Enumerable.Range(0, 4).Select(i => ((ulong)i, i == 0 ? "odd" : ValueOf(i)))]);
        }

        var name = StateFileNames.Of(1);
        other.Files[name].Length.ShouldBe(_sound.Value[name].Length);
        var device = SnapshotTestKit.Device(With(name, other.Files[name]));
        Should.Throw<StateCorruptException>(() => SnapshotTestKit.Open(device, Keeping)).Reason.ShouldContain("footer that the manifest names");
        SnapshotStore.Verify(SnapshotTestKit.Directory, device, TestContext.Current.CancellationToken).Damage.ShouldHaveSingleItem().File.ShouldEndWith(name);
    }

    [Fact]
    public void A_whole_record_at_another_records_place_is_damage()
    {
        var file = (byte[])_sound.Value[StateFileNames.Of(1)].Clone();
        using var store = SnapshotTestKit.Open(SnapshotTestKit.Device(_sound.Value), Keeping);
        var entries = store.ReadTable().Values.Where(entry => entry.Place.File == 1).OrderBy(entry => entry.Place.Position).ToList();
        var (one, other) = (entries[0], entries[1]);
        one.Length.ShouldBe(other.Length);
        file.AsSpan((int)other.Place.Position, other.Length).CopyTo(file.AsSpan((int)one.Place.Position));
        using var damaged = SnapshotTestKit.Open(SnapshotTestKit.Device(With(StateFileNames.Of(1), file)), Keeping);
        Should.Throw<StateCorruptException>(() => damaged.ReadText(one.Place)).BytePosition.ShouldBe(one.Place.Position);
        damaged.ReadText(other.Place).ShouldBe(ValueOf((int)other.Hash));
    }

    [Fact]
    public void A_damaged_record_is_named_by_its_entity_and_its_neighbours_are_read()
    {
        using var sound = SnapshotTestKit.Open(SnapshotTestKit.Device(_sound.Value), Keeping);
        foreach (var (key, entry) in sound.ReadTable())
        {
            var name = StateFileNames.Of(entry.Place.File);
            var device = SnapshotTestKit.Device(With(name, Flip(_sound.Value[name], (int)(entry.Place.Position + 20) * 8)));
            using var store = SnapshotTestKit.Open(device, Keeping);
            var damage = store.Verify(TestContext.Current.CancellationToken).Damage.ShouldHaveSingleItem();
            damage.BytePosition.ShouldBe(entry.Place.Position);
            damage.Concerned.ShouldBe(entry.ToString());
            store.Verify(TestContext.Current.CancellationToken).Files.Sum(file => file.Records).ShouldBe(Records + 1, "14 records were written, and all but the damaged one are sound");
            foreach (var (other, place) in store.ReadTable().Where(other => other.Key != key))
            {
                store.ReadText(place.Place).ShouldBe(_expected[other]);
            }
        }
    }

    /// <summary>More records than one block of the index lists, and one record larger than any buffer: damage is found wherever it lies, and reading goes on behind it.</summary>
    [Fact]
    public void Damage_anywhere_in_a_large_file_is_named_with_the_records_that_it_concerns()
    {
        const int seed = 99;
        const int records = Limits.StateIndexBlockEntries + 500;
        var random = new Random(seed);
        var device = new FaultyLogDevice(1);
        var entries = new List<StateEntry>();
        using (var store = SnapshotTestKit.Open(device, Keeping))
        {
            using (var writer = store.Begin())
            {
                for (var key = 0ul; key < records; key++)
                {
                    writer.Add(key, key == 777 ? new string('x', 3 * Limits.ReadBufferBytes) : $"value {key}");
                }

                writer.Commit(SnapshotTestKit.Head(1));
            }

            entries.AddRange(store.ReadTable().Values.OrderBy(entry => entry.Place.Position));
        }

        var name = StateFileNames.Of(1);
        var sound = device.Files[name];
        for (var round = 0; round < 60; round++)
        {
            var bytes = (byte[])sound.Clone();
            var from = round % 3 == 0 ? random.Next(60, (int)entries[700].Place.Position) : random.Next(60, sound.Length); // One third among small records.
            var to = Math.Min(sound.Length, from + (round % 2 == 0 ? 1 : 4096));
            for (var at = from; at < to; at++)
            {
                bytes[at] ^= (byte)(1 + random.Next(255));
            }

            device.Damage(name, bytes);
            var report = SnapshotStore.Verify(SnapshotTestKit.Directory, device, TestContext.Current.CancellationToken).Files.Single(file => file.File.EndsWith(name, StringComparison.Ordinal));
            var where = $"seed {seed}, round {round}, bytes {from} to {to}";
            report.Damage.ShouldNotBeEmpty(where);
            var hit = entries.Where(entry => entry.Place.Position < to && entry.Place.Position + entry.Length > from).ToList();
            report.Records.ShouldBe(records - hit.Count, where);
            report.Damage[0].BytePosition.ShouldBeInRange(from - (hit.Count > 0 ? hit[0].Length : Limits.StateIndexBlockEntries * 40 + 36), from, where);
            if (hit.Count > 0 && to < sound.Length - 600 * 40)
            {
                string.Join(' ', report.Damage.Select(damage => damage.Concerned)).ShouldContain(hit[0].ToString(), Case.Sensitive, where);
            }
        }
    }

    [Fact]
    public void A_damaged_state_is_set_aside_whole_and_the_directory_opens_empty()
    {
        var damaged = With(StateFileNames.Of(2), _sound.Value[StateFileNames.Of(2)][..70]);
        var device = SnapshotTestKit.Device(damaged);
        for (var round = 1; round <= 2; round++)
        {
            device.SetFiles(device.Files.Where(file => !StateFileNames.IsOurs(file.Key)).Concat(damaged));
            Should.Throw<StateCorruptException>(() => SnapshotTestKit.Open(device, Keeping));
            SnapshotStore.SetAside(SnapshotTestKit.Directory, device).Select(Path.GetFileName).ShouldBe(damaged.Keys.Select(name => $"{name}.damaged-{round}"), ignoreOrder: true);
            RequireSame(device.Files.Where(file => file.Key.EndsWith($".damaged-{round}", StringComparison.Ordinal)).ToDictionary(file => file.Key[..^".damaged-1".Length], file => file.Value), damaged, "kept");
            using (var store = SnapshotTestKit.Open(device, Keeping))
            {
                store.Head.ShouldBeNull();
                store.Checkpoint(1, (1, "anew"));
                store.ReadAll()[1].ShouldBe("anew");
            }

        }
    }

    [Fact]
    public void A_crash_while_setting_aside_leaves_a_directory_that_is_refused_or_empty()
    {
        var damaged = With(StateFileNames.Of(2), null);
        for (var step = 1; step <= 6; step++)
        {
            for (var seed = 0; seed < 8; seed++)
            {
                var device = new FaultyLogDevice(seed);
                device.SetFiles(damaged);
                device.PowerLossAt = step;
                try
                {
                    SnapshotStore.SetAside(SnapshotTestKit.Directory, device);
                }
                catch (IOException)
                {
                    // The power failed.
                }

                device.RestartMachine(0.5);
                device.Files.Values.Sum(bytes => bytes.Length).ShouldBe(damaged.Values.Sum(bytes => bytes.Length));
                try
                {
                    using var store = SnapshotTestKit.Open(device, Keeping);
                    store.Head.ShouldBeNull();
                }
                catch (StateCorruptException)
                {
                    SnapshotStore.SetAside(SnapshotTestKit.Directory, device);
                    using var store = SnapshotTestKit.Open(device, Keeping);
                    store.Head.ShouldBeNull();
                }
            }
        }
    }

    private static void RequireNamedAtRest(string name, Dictionary<string, byte[]> files, string what, long at)
    {
        var device = SnapshotTestKit.Device(files);
        SnapshotStore.Verify(SnapshotTestKit.Directory, device, TestContext.Current.CancellationToken).Damage.Any(damage => damage.File.EndsWith(name, StringComparison.Ordinal)).ShouldBeTrue(what);
        RequireSame(device.Files, files, what);
        SnapshotStore store;
        try
        {
            store = SnapshotTestKit.Open(device, Options);
        }
        catch (StateCorruptException e)
        {
            e.File.ShouldEndWith(name, Case.Sensitive, what);
            e.BytePosition.ShouldBeInRange(0, Math.Max(at, _sound.Value[name].Length), what);
            StateFileNames.Number(name).ShouldNotBeNull($"{what}: a manifest has a copy");
            RequireSame(device.Files, files, what);
            return;
        }

        using (store)
        {
            if (StateFileNames.Number(name) is null)
            {
                store.Repaired.ShouldHaveSingleItem(what).File.ShouldEndWith(name, Case.Sensitive, what);
                RequireSetAside(device, name, files, what);
                store.ReadAll().ShouldBe(_expected, what);
                return;
            }

            RequireReadOrNamed(store, name, what).ShouldBeTrue(what);
            RequireSpared(store, device, name, what);
        }
    }

    private static void RequireNamedWhileOpen(string name, byte[]? bytes, string what)
    {
        var device = SnapshotTestKit.Device(_sound.Value);
        using (var store = SnapshotTestKit.Open(device, Options))
        {
            var table = store.ReadTable();
            device.Damage(name, bytes);
            store.Verify(TestContext.Current.CancellationToken).Damage.Any(damage => damage.File.EndsWith(name, StringComparison.Ordinal)).ShouldBeTrue(what);
            foreach (var (key, entry) in table)
            {
                try
                {
                    store.ReadText(entry.Place).ShouldBe(_expected[key], what);
                }
                catch (StateCorruptException e)
                {
                    (e.File.EndsWith(name, StringComparison.Ordinal), e.BytePosition).ShouldBe((true, entry.Place.Position), what);
                }
            }

            if (StateFileNames.Number(name) is not null)
            {
                RequireSpared(store, device, name, what);
                return;
            }

            store.Checkpoint(4, (1000, "after"));
        }

        using var again = SnapshotTestKit.Open(device, Options); // The next checkpoint has written both manifests anew.
        again.Repaired.ShouldBeEmpty(what);
        again.ReadAll().ShouldBe(new SortedDictionary<ulong, string>(_expected) { [1000] = "after" }, what);
    }

    /// <summary>Whether something was found damaged; what was read is right.</summary>
    private static bool RequireReadOrNamed(SnapshotStore store, string name, string what)
    {
        var found = false;
        var table = new Table();
        try
        {
            store.ReadIndex(table);
            table.Entries.Count.ShouldBe(Records, what);
        }
        catch (StateCorruptException e)
        {
            e.File.ShouldEndWith(name, Case.Sensitive, what);
            return true;
        }

        foreach (var (key, entry) in table.Entries)
        {
            try
            {
                store.ReadText(entry.Place).ShouldBe(_expected[key], what);
            }
            catch (StateCorruptException e)
            {
                (e.File.EndsWith(name, StringComparison.Ordinal), e.BytePosition).ShouldBe((true, entry.Place.Position), what);
                found = true;
            }
        }

        // Damage to a record that nobody needs any more is found by reading every byte.
        return found || !store.Verify(TestContext.Current.CancellationToken).IsSound;
    }

    /// <summary>A checkpoint that carries over what it can read never deletes a file of which it could not read all.</summary>
    private static void RequireSpared(SnapshotStore store, FaultyLogDevice device, string name, string what)
    {
        var before = device.Files.GetValueOrDefault(name);
        var unread = false;
        using (var writer = store.Begin())
        {
            foreach (var victim in writer.Victims)
            {
                var listing = new Listing();
                try
                {
                    writer.ReadEntries(victim, listing);
                }
                catch (StateCorruptException e)
                {
                    e.File.ShouldEndWith(name, Case.Sensitive, what);
                    unread = true;
                    continue;
                }

                foreach (var entry in listing.Entries)
                {
                    try
                    {
                        writer.Copy(entry);
                    }
                    catch (StateCorruptException e)
                    {
                        e.File.ShouldEndWith(name, Case.Sensitive, what);
                        unread = true;
                    }
                }
            }

            writer.Commit(SnapshotTestKit.Head(4));
        }

        if (unread)
        {
            store.Files.Any(file => file.Path.EndsWith(name, StringComparison.Ordinal)).ShouldBeTrue(what);
            device.Files.GetValueOrDefault(name).AsSpan().SequenceEqual(before).ShouldBeTrue(what);
        }
    }

    /// <summary>One bit of every byte, cuts everywhere, and whole regions zeroed or exchanged; with the position where the file first differs.</summary>
    private static IEnumerable<(string What, long At, byte[]? Bytes)> Damaged(byte[] sound)
    {
        const int seed = 4711;
        var random = new Random(seed);
        yield return ("deleted", 0, null);
        yield return ("empty", 0, []);
        yield return ("followed by a byte", sound.Length, [.. sound, 0]);
        yield return ("all zeros", 0, new byte[sound.Length]);
        for (var at = 0; at < sound.Length; at++)
        {
            yield return ($"bit of byte {at} flipped (seed {seed})", at, Flip(sound, at * 8 + random.Next(8)));
        }

        for (var length = 1; length < sound.Length; length += 1 + random.Next(7))
        {
            yield return ($"cut to {length} bytes (seed {seed})", length, sound[..length]);
        }

        for (var at = 0; at < sound.Length; at += 512)
        {
            var bytes = (byte[])sound.Clone();
            bytes.AsSpan(at, Math.Min(4096, bytes.Length - at)).Clear();
            yield return ($"4 KB of zeros from byte {at}", at, bytes);
        }

        for (var i = 0; i < 300; i++)
        {
            var (first, second) = (random.Next(sound.Length / 8) * 8, random.Next(sound.Length / 8) * 8);
            var bytes = (byte[])sound.Clone();
            sound.AsSpan(first, 8).CopyTo(bytes.AsSpan(second));
            sound.AsSpan(second, 8).CopyTo(bytes.AsSpan(first));
            if (!bytes.AsSpan().SequenceEqual(sound))
            {
                yield return ($"words at {first} and {second} exchanged (seed {seed})", Math.Min(first, second), bytes);
            }
        }
    }

    /// <summary>Three checkpoints of some kilobytes, each with a file; a few records superseded.</summary>
    private static IReadOnlyDictionary<string, byte[]> Write()
    {
        var device = new FaultyLogDevice(1);
        using (var store = SnapshotTestKit.Open(device, Keeping))
        {
            store.Checkpoint(1, [.. Enumerable.Range(0, 4).Select(i => ((ulong)i, i == 0 ? "old" : ValueOf(i)))]);
            store.Checkpoint(2, [(0, "older than the next"), .. Enumerable.Range(4, 4).Select(i => ((ulong)i, ValueOf(i)))]);
            store.Checkpoint(3, [(0, ValueOf(0)), .. Enumerable.Range(8, 4).Select(i => ((ulong)i, ValueOf(i)))]);
            store.ReadAll().ShouldBe(_expected);
            store.Files.Count.ShouldBe(3);
        }

        return device.Files;
    }

    private static string ValueOf(int key) => $"value {key:D2} " + new string((char)('a' + key), 200);

    private static Dictionary<string, byte[]> With(string name, byte[]? bytes, IReadOnlyDictionary<string, byte[]>? files = null)
    {
        var changed = new Dictionary<string, byte[]>(files ?? _sound.Value);
        changed.Remove(name);
        if (bytes is not null)
        {
            changed[name] = bytes;
        }

        return changed;
    }

    private static byte[] Flip(byte[] bytes, int bit)
    {
        var flipped = (byte[])bytes.Clone();
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return flipped;
    }

    private static void RequireSetAside(FaultyLogDevice device, string name, Dictionary<string, byte[]> files, string what)
    {
        if (files.TryGetValue(name, out var damaged))
        {
            device.Files[name + ".damaged-1"].ShouldBe(damaged, what);
        }

        device.Files[name].ShouldBe(_sound.Value[name], what);
        foreach (var (other, bytes) in files.Where(file => file.Key != name))
        {
            device.Files[other].AsSpan().SequenceEqual(bytes).ShouldBeTrue($"{what}: {other} was changed");
        }
    }

    private static void RequireSame(IReadOnlyDictionary<string, byte[]> files, IReadOnlyDictionary<string, byte[]> wanted, string what)
    {
        files.Keys.ShouldBe(wanted.Keys, ignoreOrder: true, what);
        foreach (var (name, bytes) in wanted)
        {
            files[name].AsSpan().SequenceEqual(bytes).ShouldBeTrue($"{what}: {name} was changed");
        }
    }
}
