using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Snapshots.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// The directory of a snapshot store. As with the log, the first byte says whether checksums must find the damage (0: then every record that is read is one that was written for its key, and a refused opening has changed nothing), or
/// whether they are made to fit first (1: then any state, or a named refusal, is right).
/// </summary>
internal sealed class SnapshotTarget : FuzzTarget
{
    private const string Folder = "/memory";
    private const int Partitions = 2;
    private const uint EntityType = 7;
    private static readonly Guid StoreId = new("00112233-4455-6677-8899-aabbccddeeff");

    public override string Name => "snapshot";

    public override int InputBytesMax => 40 * 1024;

    public override IReadOnlyList<byte[]> Tokens { get; } = [.. Words("OFSTATEF", "OFSTATEM", "state-00000001.data", "state.manifest", "state.manifest-copy", "state.manifest.new"), [36, 0, 0, 0], [16], [17], new byte[64], new byte[4_096]];

    /// <summary>Writing and reading go through buffers of a megabyte.</summary>
    public override long AllocationMax(int length) => (64 * Limits.AllocationBase) + (length * 4_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        foreach ((int checkpoints, int records) in ((int, int)[])[(0, 0), (1, 3), (4, 12), (9, 5)])
        {
            var device = new FaultyLogDevice(1);
            using (SnapshotStore store = Open(device))
            {
                for (int checkpoint = 1; checkpoint <= checkpoints; checkpoint++)
                {
                    Checkpoint(store, checkpoint, records);
                }
            }

            byte[] archive = FileArchive.Of(device.Files);
            yield return [0, .. archive];
            yield return [1, .. archive];
        }
    }

    public override byte[]? Mutate(byte[] input, Random random, IReadOnlyList<byte[]> corpus) => ArchiveMutation.Of(input, random, corpus, Tokens);

    public override Verdict Run(byte[] input)
    {
        bool isRaw = input.Length == 0 || (input[0] & 1) == 0;
        Dictionary<string, byte[]> files = FileArchive.Read(input.AsSpan(Math.Min(1, input.Length)));
        if (!isRaw)
        {
            StateChecksums.Repair(files);
        }

        var device = new FaultyLogDevice(1);
        device.SetFiles(files);
        SnapshotStore store;
        try
        {
            store = Open(device);
        }
        catch (LogException refused) when (refused is StateCorruptException or LogIncompatibleException)
        {
            IReadOnlyDictionary<string, byte[]> after = device.Files;
            WrongAnswerException.Unless(files.Count == after.Count && files.All(file => after.TryGetValue(file.Key, out byte[]? content) && content.AsSpan().SequenceEqual(file.Value)), $"the state was refused ({refused.Message}), and its files have changed");
            return Verdict.Refuse(refused is StateCorruptException corrupt ? corrupt.Reason : refused.Message);
        }

        using (store)
        {
            return Read(store, isRaw);
        }
    }

    private static Verdict Read(SnapshotStore store, bool isRaw)
    {
        var table = new Table();
        try
        {
            store.ReadIndex(table);
            byte[] buffer = [];
            foreach (StateEntry entry in table.Entries.Values)
            {
                ReadOnlySpan<byte> payload = store.Read(entry.Place, entry.Kind, ref buffer, out StateEntry said);
                WrongAnswerException.Unless(!isRaw || (said == entry && IsOf(payload, entry.Hash)), $"the record of key {entry.Hash} at {entry.Place} is not what was written: {Encoding.UTF8.GetString(payload)}");
            }
        }
        catch (LogException refused) when (refused is StateCorruptException || (refused is StateGoneException && !isRaw))
        {
            return Verdict.Refuse("reading: " + ((refused as StateCorruptException)?.Reason ?? "gone"));
        }

        if (table.Entries.Count % 4 == 0)
        {
            try
            {
                Checkpoint(store, 50, 3);
            }
            catch (LogException refused) when (refused is StateCorruptException || !isRaw)
            {
                // A victim may be damaged where nobody has looked yet.
                return Verdict.Refuse("checkpoint: " + ((refused as StateCorruptException)?.Reason ?? "an invariant of a state that nobody wrote"));
            }
        }

        return Verdict.Accept($"{(isRaw ? "raw" : "repaired")} {table.Entries.Count} of {store.Files.Count} {store.Repaired.Length}");
    }

    private static void Checkpoint(SnapshotStore store, int number, int records)
    {
        var live = new Table();
        store.ReadIndex(live);
        using SnapshotWriter writer = store.Begin();
        for (int record = 0; record < records; record++)
        {
            ulong key = (ulong)((number * 3) + record) % 20;
            byte[] payload = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{key}|checkpoint {number} {new string((char)('a' + key), (int)(key * 31 % 200))}"));
            writer.Add(StateRecordKind.Entity, (int)(key % Partitions), EntityType, key, ~key, (uint)number, payload);
            live.Entries.Remove(key);
        }

        foreach (StateFileInfo victim in writer.Victims)
        {
            var listing = new Table();
            writer.ReadEntries(victim, listing);
            foreach (StateEntry entry in listing.Entries.Values.Where(entry => live.Entries.TryGetValue(entry.Hash, out StateEntry current) && current.Place == entry.Place))
            {
                writer.Copy(entry);
            }
        }

        writer.Commit(new SnapshotHead { Fingerprint = 0xF00D, Through = new LogSequence(number), Applied = [number, number + 1], Blob = Encoding.UTF8.GetBytes($"blob {number}") });
    }

    private static bool IsOf(ReadOnlySpan<byte> payload, ulong key) => payload.StartsWith(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{key}|checkpoint ")));

    private static SnapshotStore Open(FaultyLogDevice device) =>
        SnapshotStore.Open(new SnapshotOptions { Directory = Folder, StoreId = StoreId, PartitionCount = Partitions, StateFileBytesMax = 1_024, FilesMax = 5 }, device, SetTime.Instance);

    /// <summary>By key, the newest entry.</summary>
    private sealed class Table : IStateIndexVisitor
    {
        public Dictionary<ulong, StateEntry> Entries { get; } = [];

        public bool Visit(in StateEntry entry) => Entries.TryAdd(entry.Hash, entry);
    }
}

/// <summary>Makes every checksum of a state's files fit what the files say: headers, frames, the chain in each footer, and what the manifests say of the footers.</summary>
internal static class StateChecksums
{
    public static void Repair(Dictionary<string, byte[]> files)
    {
        var footers = new Dictionary<long, uint>();
        foreach ((string name, byte[] content) in files)
        {
            if (StateFileNames.Number(name) is { } number && content.Length >= StateFileHeader.Bytes)
            {
                footers[number] = StateFile(content);
            }
        }

        foreach ((_, byte[] content) in files.Where(file => file.Key.StartsWith(StateFileNames.Manifest, StringComparison.Ordinal) && file.Value.Length > 92))
        {
            int partitions = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(72));
            int count = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(76));
            long at = 88 + (8L * partitions);
            for (int file = 0; file < count && at >= 88 && at + 68 <= content.Length; file++, at += 64)
            {
                if (footers.TryGetValue(BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan((int)at)), out uint crc))
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan((int)at + 56), crc);
                }
            }

            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(content.Length - 4), Crc32C.Of(content.AsSpan(0, content.Length - 4)));
        }
    }

    /// <summary>The checksum of the last frame.</summary>
    private static uint StateFile(Span<byte> content)
    {
        uint salt = Crc32C.Of(content[..(StateFileHeader.Bytes - 4)]);
        BinaryPrimitives.WriteUInt32LittleEndian(content[(StateFileHeader.Bytes - 4)..], salt);
        uint chain = salt;
        uint crc = 0;
        for (int at = StateFileHeader.Bytes; content.Length - at >= StateFrame.HeaderBytes;)
        {
            uint length = StateFrame.Length(content[at..]);
            if (length < StateFrame.HeaderBytes || length > (uint)(content.Length - at))
            {
                break;
            }

            Span<byte> frame = content.Slice(at, (int)length);
            if (StateFrame.Kind(frame) == StateFrameKinds.Footer)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(frame[28..], chain);
            }

            crc = StateFrame.Checksum(salt, at, frame);
            BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], crc);
            chain = StateFooter.Link(chain, crc);
            at += (int)length;
        }

        return crc;
    }
}
