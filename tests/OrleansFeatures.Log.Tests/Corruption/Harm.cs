using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Tests.Corruption;

/// <summary>What may happen to a file. Offsets are drawn from a seed by whoever asks.</summary>
internal enum HarmKind
{
    FlipBit,
    ZeroBlock,
    SwapWords,
    Truncate,
    Empty,
    Delete,
    Grow,
}

/// <summary>One thing that happened to one file.</summary>
internal sealed record Harm(HarmKind Kind, string File, int At)
{
    private const int BlockBytes = 4096;
    private const int WordBytes = 8;

    /// <summary>Null: the file is gone.</summary>
    public byte[]? On(byte[] bytes)
    {
        bytes = [.. bytes];
        switch (Kind)
        {
            case HarmKind.FlipBit:
                bytes[At] ^= (byte)(1 << (At % 8));
                return bytes;
            case HarmKind.ZeroBlock:
                bytes.AsSpan(At, Math.Min(BlockBytes, bytes.Length - At)).Clear();
                return bytes;
            case HarmKind.SwapWords:
                var from = Math.Max(0, Math.Min(At, bytes.Length - (2 * WordBytes)));
                byte[] first = bytes[from..(from + WordBytes)];
                bytes.AsSpan(from + WordBytes, WordBytes).CopyTo(bytes.AsSpan(from));
                first.CopyTo(bytes, from + WordBytes);
                return bytes;
            case HarmKind.Truncate:
                return bytes[..At];
            case HarmKind.Empty:
                return [];
            case HarmKind.Delete:
                return null;
            case HarmKind.Grow:
                return [.. bytes, .. bytes[..Math.Min(bytes.Length, 64)]];
            default:
                throw new ArgumentOutOfRangeException(nameof(Kind), Kind, null);
        }
    }

    public Dictionary<string, byte[]> On(Dictionary<string, byte[]> files)
    {
        var harmed = new Dictionary<string, byte[]>(files);
        if (On(files[File]) is { } changed)
        {
            harmed[File] = changed;
        }
        else
        {
            harmed.Remove(File);
        }

        return harmed;
    }

    /// <summary>The same to a file that a log has open.</summary>
    public void On(ILogDevice device)
    {
        using var file = device.Open(File, LogFileAccess.ReadWrite);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        if (On(bytes) is not { } changed)
        {
            device.Delete(File);
            return;
        }

        file.Truncate(changed.Length);
        file.Write(0, [changed]);
    }

    public override string ToString() => $"{Kind} of {File} at {At}";

    /// <summary>Every kind of harm to every region of a file, at seeded places.</summary>
    public static IEnumerable<Harm> All(SampleLog sample, string file, int perRegion, Random random)
    {
        var bytes = sample.Files[file];
        foreach (var (start, end) in Regions(sample, file))
        {
            for (var i = 0; i < perRegion; i++)
            {
                foreach (var kind in new[] { HarmKind.FlipBit, HarmKind.ZeroBlock, HarmKind.SwapWords, HarmKind.Truncate })
                {
                    yield return new Harm(kind, file, random.Next(start, end));
                }
            }
        }

        yield return new Harm(HarmKind.Empty, file, 0);
        yield return new Harm(HarmKind.Delete, file, 0);
        yield return new Harm(HarmKind.Grow, file, bytes.Length);
    }

    /// <summary>Of a segment its header, some groups' headers, records' headers and payloads, and its last frame; of another file all of it.</summary>
    private static IEnumerable<(int Start, int End)> Regions(SampleLog sample, string file)
    {
        var bytes = sample.Files[file];
        if (LogFiles.SegmentNumber(file) is null)
        {
            yield return (0, bytes.Length);
            yield break;
        }

        yield return (0, SegmentHeader.Bytes(SampleLog.Partitions));
        var frames = sample.Frames(file);
        foreach (var kind in new[] { FrameKind.Group, FrameKind.Record })
        {
            var some = frames.Where(frame => frame.Kind == kind).ToList();
            foreach (var at in new[] { 0, some.Count / 2, some.Count - 1 })
            {
                var end = frames.Where(frame => frame.Position > some[at].Position).Select(frame => frame.Position).DefaultIfEmpty(bytes.Length).First();
                yield return (some[at].Position, some[at].Position + Frame.HeaderBytes);
                yield return (some[at].Position + Frame.HeaderBytes, end);
            }
        }

        yield return (frames[^1].Position, bytes.Length);
    }
}
