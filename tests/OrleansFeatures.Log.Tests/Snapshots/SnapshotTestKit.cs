using System.Collections.Immutable;
using System.Text;
using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Snapshots;

/// <summary>A caller's table as small as can be: key to the place of its newest record. Keys are entities of type 7 whose hash is the key.</summary>
internal sealed class Table : IStateIndexVisitor
{
    public const uint EntityType = 7;

    public Dictionary<ulong, StateEntry> Entries { get; } = [];

    public bool Visit(in StateEntry entry) => Entries.TryAdd(entry.Hash, entry);
}

/// <summary>Keeps entries in the order of the visit.</summary>
internal sealed class Listing : IStateIndexVisitor
{
    public List<StateEntry> Entries { get; } = [];

    public bool Visit(in StateEntry entry)
    {
        Entries.Add(entry);
        return true;
    }
}

internal static class SnapshotTestKit
{
    public const string Directory = "/memory";
    public static readonly Guid StoreId = new("00112233-4455-6677-8899-aabbccddeeff");

    public static SnapshotOptions Options(string directory = Directory, int partitions = 2) =>
        new() { Directory = directory, StoreId = StoreId, PartitionCount = partitions };

    public static SnapshotStore Open(ILogDevice device, SnapshotOptions? options = null) => SnapshotStore.Open(options ?? Options(), device, TimeProvider.System);

    public static FaultyLogDevice Device(IReadOnlyDictionary<string, byte[]> files)
    {
        var device = new FaultyLogDevice(1);
        device.SetFiles(files);
        return device;
    }

    public static SnapshotHead Head(long through, int partitions = 2, string blob = "") => new()
    {
        Fingerprint = 0xF00D,
        Through = new LogSequence(through),
        Applied = [.. Enumerable.Range(0, partitions).Select(p => through + p)],
        Blob = Encoding.UTF8.GetBytes(blob),
    };

    public static StatePlace Add(this SnapshotWriter writer, ulong key, string value, StateRecordKind kind = StateRecordKind.Entity) =>
        writer.Add(kind, (int)(key % 2), Table.EntityType, key, ~key, (uint)value.Length, Encoding.UTF8.GetBytes(value));

    /// <summary>One checkpoint with these records, its victims carried over as far as the table still names them.</summary>
    public static SnapshotHead Checkpoint(this SnapshotStore store, long through, params (ulong Key, string Value)[] records)
    {
        var live = store.ReadTable();
        using var writer = store.Begin();
        foreach (var (key, value) in records)
        {
            writer.Add(key, value);
            live.Remove(key);
        }

        writer.CarryOver(live);
        return writer.Commit(Head(through));
    }

    public static void CarryOver(this SnapshotWriter writer, Dictionary<ulong, StateEntry> live)
    {
        foreach (var victim in writer.Victims)
        {
            var listing = new Listing();
            writer.ReadEntries(victim, listing);
            foreach (var entry in listing.Entries.Where(entry => live.TryGetValue(entry.Hash, out var current) && current.Place == entry.Place))
            {
                writer.Copy(entry);
            }
        }
    }

    public static Dictionary<ulong, StateEntry> ReadTable(this SnapshotStore store)
    {
        var table = new Table();
        store.ReadIndex(table);
        return table.Entries;
    }

    /// <summary>Everything that the store says is current.</summary>
    public static SortedDictionary<ulong, string> ReadAll(this SnapshotStore store)
    {
        var all = new SortedDictionary<ulong, string>();
        foreach (var (key, entry) in store.ReadTable())
        {
            all.Add(key, store.ReadText(entry.Place, entry.Kind));
        }

        return all;
    }

    public static string ReadText(this SnapshotStore store, StatePlace place, StateRecordKind kind = StateRecordKind.Entity)
    {
        byte[] buffer = [];
        return Encoding.UTF8.GetString(store.Read(place, kind, ref buffer));
    }
}
