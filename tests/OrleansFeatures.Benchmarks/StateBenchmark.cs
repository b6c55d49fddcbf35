using System.Diagnostics;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// State files alone: a checkpoint of every entity, the index read back, reads at random places, a checkpoint of every fifth entity, every byte verified, and a checkpoint that carries everything over. The lines without sync show what the
/// code costs when the disk costs nothing. Files were just written, so that reads come from the system's memory: they show the code and the system call, not a disk.
/// </summary>
internal static class StateBenchmark
{
    public const string About = "checkpoints, index and reads of state files: [--directory DIR] [--records N] [--bytes 400] [--readers 4]";

    public static Task Run(Arguments arguments)
    {
        var records = arguments.Number("records", 1_000_000);
        var bytes = arguments.Number("bytes", 400);
        var readers = arguments.Number("readers", 4);
        var parent = arguments.Text("directory") ?? Path.GetTempPath();
        Console.WriteLine($"{"",-34}{"ms",10}{"MB/s",10}{"ns each",10}{"CPU ns each",14}");
        foreach (var sync in new[] { false, true })
        {
            var directory = Path.Combine(parent, $"state-benchmark-{Guid.NewGuid():N}");
            try
            {
                RunOn(new CountingDevice(sync), directory, records, bytes, readers, sync ? "fdatasync" : "no sync");
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }

        return Task.CompletedTask;
    }

    private static void RunOn(CountingDevice device, string directory, int records, int bytes, int readers, string mode)
    {
        var options = new SnapshotOptions { Directory = directory, StoreId = Guid.NewGuid(), PartitionCount = 64, CarryBytesMax = 1L << 40 };
        var payload = new byte[bytes];
        Random.Shared.NextBytes(payload);
        var places = new StatePlace[records];
        using (var store = SnapshotStore.Open(options, device, TimeProvider.System))
        {
            Write(store, places, payload, 0, 1); // Warms the code; its files are garbage afterwards.
            Time($"every entity, {mode}", records, (long)records * bytes, () => Write(store, places, payload, 0, 1));
            Time($"every fifth, {mode}", records / 5, records / 5L * bytes, () => Write(store, places, payload, 0, 5));
        }

        using var reopened = SnapshotStore.Open(options, device, TimeProvider.System);
        Time($"index, {mode}", records, records * 40L, () => reopened.ReadIndex(new Count()));
        Time($"reads by {readers} threads, {mode}", records, (long)records * bytes, () => Parallel.For(0, readers, reader => Read(reopened, places, records / readers, reader)));
        Time($"verify, {mode}", records, reopened.BytesOnDisk, () => reopened.Verify(CancellationToken.None));
        Time($"carry over, {mode}", records, (long)records * bytes, () => CarryOver(reopened, places));
    }

    private static void Write(SnapshotStore store, StatePlace[] places, byte[] payload, int from, int step)
    {
        using var writer = store.Begin(compact: false);
        for (var i = from; i < places.Length; i += step)
        {
            store.Forget(places[i]);
            places[i] = writer.Add(StateRecordKind.Entity, i % 64, 1, (ulong)i, (ulong)i, 0, payload);
            if (i % 64 == 0)
            {
                writer.Flush();
            }
        }

        writer.Commit(new SnapshotHead { Fingerprint = 1, Through = new LogSequence(0), Applied = [.. new long[64]] });
    }

    /// <summary>Everything that still counts, out of files that are mostly garbage.</summary>
    private static void CarryOver(SnapshotStore store, StatePlace[] places)
    {
        Array.ForEach(places, place => store.Forget(place));
        using var writer = store.Begin();
        var entries = new Collect();
        foreach (var victim in writer.Victims)
        {
            writer.ReadEntries(victim, entries);
        }

        foreach (var entry in entries.All.Where(entry => places[entry.Hash] == entry.Place))
        {
            places[entry.Hash] = writer.Copy(entry);
            writer.Flush();
        }

        writer.Commit(store.Head!);
    }

    private static void Read(SnapshotStore store, StatePlace[] places, int count, int seed)
    {
        var random = new Random(seed);
        byte[] buffer = [];
        for (var i = 0; i < count; i++)
        {
            store.Read(places[random.Next(places.Length)], StateRecordKind.Entity, ref buffer);
        }
    }

    private static void Time(string what, int count, long bytes, Action action)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.GetTimestamp();
        action();
        var used = (Environment.CpuUsage.TotalTime - cpu).TotalNanoseconds;
        var seconds = Stopwatch.GetElapsedTime(clock).TotalSeconds;
        Console.WriteLine($"{what,-34}{seconds * 1000,10:N0}{bytes / seconds / 1e6,10:N0}{seconds / count * 1e9,10:N0}{used / count,14:N0}");
    }

    private sealed class Collect : IStateIndexVisitor
    {
        public List<StateEntry> All { get; } = [];

        public bool Visit(in StateEntry entry)
        {
            All.Add(entry);
            return true;
        }
    }

    private sealed class Count : IStateIndexVisitor
    {
        private long _entries;

        public bool Visit(in StateEntry entry) => ++_entries > 0;
    }
}
