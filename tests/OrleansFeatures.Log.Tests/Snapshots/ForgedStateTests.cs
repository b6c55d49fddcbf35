using System.Buffers.Binary;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Log.Snapshots.Format;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests.Snapshots;

/// <summary>Bytes that nobody wrote, with checksums that are right: what a bug of another program could leave. They are opened or refused as damage, and never end in anything else.</summary>
public class ForgedStateTests
{
    private const int Rounds = 4000;

    [Fact]
    public void A_manifest_of_wrong_numbers_with_a_right_checksum_is_opened_or_refused()
    {
        var files = Files();
        var refused = 0;
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var manifest = (byte[])files[StateFileNames.Manifest].Clone();
            for (var left = 1 + random.Next(3); left > 0; left--)
            {
                Forge(random, manifest.AsSpan(8..^4));
            }

            BinaryPrimitives.WriteUInt32LittleEndian(manifest.AsSpan(^4..), Crc32C.Of(manifest.AsSpan(..^4)));
            refused += Use(new(files) { [StateFileNames.Manifest] = manifest, [StateFileNames.ManifestCopy] = manifest }, seed);
        }

        refused.ShouldBeGreaterThan(Rounds / 4);
    }

    [Fact]
    public void A_file_of_wrong_numbers_with_right_checksums_is_opened_or_refused()
    {
        var files = Files();
        var refused = 0;
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var name = StateFileNames.Of(1 + random.Next(2));
            var (bytes, manifest) = ((byte[])files[name].Clone(), (byte[])files[StateFileNames.Manifest].Clone());
            var frames = Frames(bytes);
            var at = seed % 2 == 0 ? frames[random.Next(frames.Count)] : frames[^(1 + random.Next(2))]; // Half of them in the footer or the index.
            var frame = bytes.AsSpan(at, (int)StateFrame.Length(bytes.AsSpan(at)));
            Forge(random, frame[8..]);
            Restamp(bytes, frame, at);
            if (at == frames[^1])
            {
                var entry = 88 + 8 * 2 + 64 * ((int)StateFileNames.Number(name)! - 1);
                frame.Slice(4, 4).CopyTo(manifest.AsSpan(entry + 56));
                BinaryPrimitives.WriteUInt32LittleEndian(manifest.AsSpan(^4..), Crc32C.Of(manifest.AsSpan(..^4)));
            }

            refused += Use(new(files) { [name] = bytes, [StateFileNames.Manifest] = manifest, [StateFileNames.ManifestCopy] = manifest }, seed);
        }

        refused.ShouldBeGreaterThan(Rounds / 4);
    }

    /// <summary>Opens, reads the index and every record, verifies, and takes a checkpoint. Returns 1 if any of it was refused.</summary>
    private static int Use(Dictionary<string, byte[]> files, int seed)
    {
        var device = new FaultyLogDevice(seed);
        device.SetFiles(files);
        try
        {
            _ = SnapshotStore.Verify(SnapshotTestKit.Directory, device, TestContext.Current.CancellationToken).IsSound;
            using var store = SnapshotTestKit.Open(device);
            var listing = new Listing();
            store.ReadIndex(listing);
            byte[] buffer = [];
            foreach (var entry in listing.Entries)
            {
                store.Read(entry.Place, entry.Kind, ref buffer);
            }

            _ = store.Verify(TestContext.Current.CancellationToken).IsSound;
            using var writer = store.Begin(compact: false);
            writer.Add(9, "nine");
            writer.Commit(SnapshotTestKit.Head(9));
            return 0;
        }
        catch (LogException e) when (e is StateCorruptException or LogIncompatibleException or LogInvariantException)
        {
            return 1; // The last: numbers of files said to be used up.
        }
        catch (Exception e) when (e is not LogException)
        {
            throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
        }
    }

    /// <summary>Puts a number of any size anywhere.</summary>
    private static void Forge(Random random, Span<byte> bytes)
    {
        long[] numbers = [0, 1, -1, 40, 64, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue, 1L << 40, random.NextInt64()];
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, numbers[random.Next(numbers.Length)]);
        var size = 1 << random.Next(4);
        number[..size].CopyTo(bytes[(random.Next((bytes.Length - size) / size + 1) * size)..]);
    }

    private static void Restamp(ReadOnlySpan<byte> file, Span<byte> frame, long position)
    {
        var salt = BinaryPrimitives.ReadUInt32LittleEndian(file[(StateFileHeader.Bytes - 4)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], StateFrame.Checksum(salt, position, frame));
    }

    private static List<int> Frames(byte[] file)
    {
        var frames = new List<int>();
        for (var at = StateFileHeader.Bytes; at < file.Length; at += (int)StateFrame.Length(file.AsSpan(at)))
        {
            frames.Add(at);
        }

        return frames;
    }

    private static Dictionary<string, byte[]> Files()
    {
        var device = new FaultyLogDevice(1);
        using (var store = SnapshotTestKit.Open(device))
        {
            store.Checkpoint(1, (1, "one"), (2, "two"), (3, "three"));
            store.Checkpoint(2, (4, "four"), (5, "five"));
        }

        return new(device.Files);
    }
}
