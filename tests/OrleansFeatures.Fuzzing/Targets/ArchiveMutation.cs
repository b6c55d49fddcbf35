using OrleansFeatures.Fuzzing.Engine;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Mutates a directory in an input: bytes of one file, or which files there are and what they are called. Mostly what disks and hands do: bits, zeroed blocks, swapped words, cuts, lost and doubled files.</summary>
internal static class ArchiveMutation
{
    public static byte[]? Of(byte[] input, Random random, IReadOnlyList<byte[]> corpus, IReadOnlyList<byte[]> tokens)
    {
        if (input.Length < 2)
        {
            return null;
        }

        Dictionary<string, byte[]> files = FileArchive.Read(input.AsSpan(1));
        if (files.Count == 0)
        {
            return null;
        }

        string name = files.Keys.ElementAt(random.Next(files.Count));
        byte[] content = files[name];
        switch (random.Next(10))
        {
            case 0:
                files.Remove(name);
                break;
            case 1:
                string other = files.Keys.ElementAt(random.Next(files.Count));
                (files[name], files[other]) = (files[other], content);
                break;
            case 2 when FileArchive.Read(corpus[random.Next(corpus.Count)].AsSpan(1)) is { Count: > 0 } others:
                (string theirs, byte[] bytes) = others.ElementAt(random.Next(others.Count));
                files[random.Next(2) == 0 ? theirs : name] = bytes;
                break;
            case 3 when content.Length > 0:
                byte[] zeroed = [.. content];
                int at = random.Next(content.Length);
                zeroed.AsSpan(at, Math.Min(random.Next(2) == 0 ? 4_096 : random.Next(1, 200), content.Length - at)).Clear();
                files[name] = zeroed;
                break;
            default:
                files[name] = Mutator.Bytes(content, random, [content], tokens);
                break;
        }

        return [random.Next(6) == 0 ? (byte)random.Next(2) : input[0], .. FileArchive.Of(files)];
    }
}
