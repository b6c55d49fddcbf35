using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Snapshots;

/// <summary>
/// A checkpoint that carries over victims and goes on in a second file, with a fault at each of its operations on the disk: afterwards there is the old one or the new one, whole, and the next one works.
/// </summary>
public class CheckpointCrashTests
{
    private const int Seeds = 12;

    private static readonly SortedDictionary<ulong, string> _old = new() { [1] = "a2", [2] = "b2", [3] = "c", [4] = new string('d', 700) };
    private static readonly SortedDictionary<ulong, string> _new = new() { [1] = "a3", [2] = "b2", [3] = "c", [4] = new string('d', 700), [5] = new string('e', 1900) };

    private static SnapshotOptions Options => SnapshotTestKit.Options() with { StateFileBytesMax = 2048 };

    [Fact]
    public void After_a_loss_of_power_at_any_step_the_old_or_the_new_checkpoint_is_there_whole()
    {
        var (files, steps) = Before();
        var found = new HashSet<long>();
        for (var step = 1; step <= steps + 1; step++)
        {
            for (var seed = 0; seed < Seeds; seed++)
            {
                var device = DeviceWith(files, seed);
                var committed = CheckpointUntil(device, powerLossAt: step);
                if (seed % 3 == 0)
                {
                    device.RestartProcess(); // Killed first, opened by the next process, and then the power fails.
                    found.Add(RequireOldOrNew(device, committed, $"seed {seed}, step {step}, killed"));
                    device.PowerLossAt = device.Operations + 1;
                }

                device.RestartMachine(survival: seed % 4 == 0 ? 0 : seed / (double)Seeds);
                found.Add(RequireOldOrNew(device, committed, $"seed {seed}, step {step}"));
                GoOn(device, $"seed {seed}, step {step}");
            }
        }

        found.ShouldBe([2, 3], ignoreOrder: true); // Both outcomes were met.
    }

    [Fact]
    public void A_crash_while_opening_after_a_crash_loses_nothing_either()
    {
        var (files, steps) = Before();
        for (var step = 1; step <= steps; step++)
        {
            for (var seed = 0; seed < Seeds; seed++)
            {
                var device = DeviceWith(files, seed);
                var committed = CheckpointUntil(device, powerLossAt: step);
                for (var again = 1; again <= 6; again++)
                {
                    device.RestartMachine(survival: 0.5);
                    device.PowerLossAt = device.Operations + again;
                    try
                    {
                        using var store = SnapshotTestKit.Open(device, Options);
                    }
                    catch (IOException)
                    {
                        // The power failed while it opened.
                    }
                }

                device.RestartMachine(survival: 0.5);
                RequireOldOrNew(device, committed, $"seed {seed}, step {step}");
            }
        }
    }

    [Fact]
    public void A_loss_of_power_while_a_directory_is_made_leaves_one_that_opens()
    {
        for (var step = 1; step <= 12; step++)
        {
            for (var seed = 0; seed < Seeds; seed++)
            {
                var device = new FaultyLogDevice(seed) { ReordersDirectory = seed % 2 == 0, PowerLossAt = step };
                try
                {
                    using var store = SnapshotTestKit.Open(device);
                }
                catch (IOException)
                {
                    // The power failed.
                }

                device.RestartMachine(survival: 0.5);
                using var again = SnapshotTestKit.Open(device);
                again.Head.ShouldBeNull($"seed {seed}, step {step}");
                again.Repaired.ShouldBeEmpty($"seed {seed}, step {step}");
            }
        }
    }

    [Fact]
    public void After_a_failed_operation_the_old_checkpoint_stays_in_use_and_the_next_one_works()
    {
        var (files, steps) = Before();
        var failures = 0;
        for (var step = 1; step <= steps; step++)
        {
            for (var seed = 0; seed < Seeds; seed++)
            {
                var where = $"seed {seed}, step {step}";
                var device = DeviceWith(files, seed);
                using (var store = SnapshotTestKit.Open(device, Options))
                {
                    device.FailAt = device.Operations + step;
                    var committed = false;
                    try
                    {
                        Checkpoint(store);
                        committed = true;
                    }
                    catch (StateWriteException)
                    {
                        failures++;
                    }

                    store.ReadAll().ShouldBe(committed ? _new : _old, where);
                    store.Head!.Number.ShouldBe(committed ? 3 : 2, where);
                    if (seed % 3 == 0)
                    {
                        device.RestartMachine(survival: 0.5); // The power fails before there is a next one.
                        RequireOldOrNew(device, committed, where);
                        continue;
                    }

                    if (!committed)
                    {
                        Checkpoint(store);
                    }

                    store.ReadAll().ShouldBe(_new, where);
                }

                device.RestartMachine(survival: 0);
                using var again = SnapshotTestKit.Open(device, Options);
                again.ReadAll().ShouldBe(_new, where);
                again.Repaired.ShouldBeEmpty(where);
                device.Files.Count.ShouldBe(2 + again.Files.Count, where);
            }
        }

        failures.ShouldBeGreaterThan(steps); // Nearly every operation matters; only failed deletions of old files do not.
    }

    [Fact]
    public void Places_of_a_failed_checkpoint_hold_until_its_writer_is_disposed()
    {
        var (files, steps) = Before();
        for (var step = 1; step <= steps; step++)
        {
            var device = DeviceWith(files, 1);
            using var store = SnapshotTestKit.Open(device, Options);
            var writer = store.Begin();
            var place = writer.Add(5, "five");
            device.FailAt = device.Operations + step;
            try
            {
                writer.Commit(SnapshotTestKit.Head(3));
                break; // The commit of a single record has fewer steps.
            }
            catch (StateWriteException)
            {
                store.ReadText(place).ShouldBe("five", $"step {step}");
                Should.Throw<InvalidOperationException>(() => writer.Add(6, "six"));
            }

            writer.Dispose();
            Should.Throw<StateGoneException>(() => store.ReadText(place), $"step {step}");
            store.Files.Count.ShouldBe(2, $"step {step}");
        }
    }

    [Fact]
    public void A_full_disk_at_any_byte_fails_the_checkpoint_only()
    {
        var (files, _) = Before();
        var full = 0;
        for (long room = 0; room < 12_000; room += room < 200 ? 1 : 61)
        {
            var device = DeviceWith(files, 1);
            using var store = SnapshotTestKit.Open(device, Options);
            device.Capacity = device.UsedBytes + room;
            try
            {
                Checkpoint(store);
                store.ReadAll().ShouldBe(_new, $"room {room}");
            }
            catch (StateFullException)
            {
                full++;
                store.ReadAll().ShouldBe(_old, $"room {room}");
                device.Files.Keys.ShouldBe(files.Keys, ignoreOrder: true, $"room {room}: everything of the failed checkpoint is gone again");
                device.Capacity = long.MaxValue;
                Checkpoint(store);
                store.ReadAll().ShouldBe(_new, $"room {room}");
            }
        }

        full.ShouldBeGreaterThan(100);
    }

    /// <summary>Files of two checkpoints, the first file half garbage; and how many operations the third checkpoint takes.</summary>
    private static (IReadOnlyDictionary<string, byte[]> Files, int Steps) Before()
    {
        var device = new FaultyLogDevice(0);
        using (var store = SnapshotTestKit.Open(device, Options))
        {
            store.Checkpoint(1, (1, "a" + new string('x', 800)), (2, "b"), (3, "c"));
            store.Checkpoint(2, (1, "a2"), (2, "b2"), (4, new string('d', 700)));
        }

        var files = device.Files;
        var counted = DeviceWith(files, 0);
        using var again = SnapshotTestKit.Open(counted, Options);
        var before = counted.Operations;
        Checkpoint(again);
        again.ReadAll().ShouldBe(_new);
        again.Files.Count.ShouldBe(3); // The first is gone, the new one goes on in a second file.
        return (files, counted.Operations - before);
    }

    private static void Checkpoint(SnapshotStore store)
    {
        var live = store.ReadTable();
        using var writer = store.Begin();
        writer.Victims.ShouldNotBeEmpty();
        writer.Add(1, "a3");
        writer.Flush();
        writer.CarryOver(live.Where(entry => entry.Key != 1).ToDictionary());
        writer.Add(5, new string('e', 1900));
        writer.Commit(SnapshotTestKit.Head(3));
    }

    private static FaultyLogDevice DeviceWith(IReadOnlyDictionary<string, byte[]> files, int seed)
    {
        var device = new FaultyLogDevice(seed) { ReordersDirectory = seed % 2 == 0 };
        device.SetFiles(files);
        return device;
    }

    private static bool CheckpointUntil(FaultyLogDevice device, int powerLossAt)
    {
        using var store = SnapshotTestKit.Open(device, Options);
        device.PowerLossAt = device.Operations + powerLossAt;
        try
        {
            Checkpoint(store);
            return true;
        }
        catch (StateWriteException)
        {
            return false;
        }
    }

    /// <summary>Returns the number of the checkpoint found.</summary>
    private static long RequireOldOrNew(FaultyLogDevice device, bool committed, string where)
    {
        using var store = SnapshotTestKit.Open(device, Options);
        store.Repaired.ShouldBeEmpty(where);
        var head = store.Head.ShouldNotBeNull(where);
        if (committed)
        {
            head.Number.ShouldBe(3, where);
        }

        head.Through.ShouldBe(new LogSequence(head.Number), where);
        store.ReadAll().ShouldBe(head.Number == 3 ? _new : _old, where);
        store.Verify(TestContext.Current.CancellationToken).Damage.ShouldBeEmpty(where);
        device.Files.Count.ShouldBe(2 + store.Files.Count, where);
        return head.Number;
    }

    private static void GoOn(FaultyLogDevice device, string where)
    {
        using (var store = SnapshotTestKit.Open(device, Options))
        {
            store.Checkpoint(9, (9, "next"));
        }

        device.RestartMachine(survival: 0);
        using var again = SnapshotTestKit.Open(device, Options);
        again.ReadAll()[9].ShouldBe("next", where);
        again.Head!.Through.ShouldBe(new LogSequence(9), where);
    }
}
