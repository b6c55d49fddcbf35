using System.Buffers.Binary;
using System.Text;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// A directory as one input:
/// <code>
///   | length of the name : 1 | name | length of the content : 4, little-endian | content |   once more for each file
/// </code>
/// Whatever does not fit is read as far as it goes, so that every input is some directory.
/// </summary>
internal static class FileArchive
{
    public static byte[] Of(IEnumerable<KeyValuePair<string, byte[]>> files)
    {
        var bytes = new List<byte>();
        foreach ((string name, byte[] content) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(name);
            bytes.Add((byte)utf8.Length);
            bytes.AddRange(utf8);
            bytes.AddRange(BitConverter.GetBytes(content.Length));
            bytes.AddRange(content);
        }

        return [.. bytes];
    }

    public static Dictionary<string, byte[]> Read(ReadOnlySpan<byte> bytes)
    {
        var files = new Dictionary<string, byte[]>();
        while (bytes.Length > 5 && bytes.Length >= 5 + bytes[0])
        {
            string name = Encoding.UTF8.GetString(bytes.Slice(1, bytes[0]));
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes[(1 + bytes[0])..]);
            bytes = bytes[(5 + bytes[0])..];
            length = Math.Clamp(length, 0, bytes.Length);
            if (name.Length > 0 && !name.Contains('/', StringComparison.Ordinal) && !name.Contains('\0', StringComparison.Ordinal))
            {
                files[name] = bytes[..length].ToArray();
            }

            bytes = bytes[length..];
        }

        return files;
    }
}
