using Grpc.Core;

namespace Grpc.Headers;

/// <summary>
/// Values of "-bin" headers: base64, written without padding, read with or without it. HTTP may join several headers of one name with
/// commas; base64 has no comma, so each part is a value of its own.
/// </summary>
internal static class BinaryValues
{
    public static string Encode(ReadOnlySpan<byte> value) => Convert.ToBase64String(value).TrimEnd('=');

    /// <summary>Adds an entry per comma-separated part. False: some part is no base64, and nothing more was added.</summary>
    public static bool TryAdd(Metadata metadata, string key, string joined)
    {
        foreach (var range in joined.AsSpan().Split(','))
        {
            if (!TryDecode(joined.AsSpan(range).Trim(), out var value))
            {
                return false;
            }

            metadata.Add(new Metadata.Entry(key, null, value));
        }

        return true;
    }

    private static bool TryDecode(ReadOnlySpan<char> text, out byte[] value)
    {
        text = text.TrimEnd('=');
        value = new byte[text.Length * 3L / 4];
        Span<char> padded = text.Length <= 256 ? stackalloc char[260] : new char[text.Length + 3];
        text.CopyTo(padded);
        var padding = (4 - text.Length % 4) % 4;
        padded.Slice(text.Length, padding).Fill('=');
        return padding < 3
            && Convert.TryFromBase64Chars(padded[..(text.Length + padding)], value, out var written)
            && written == value.Length;
    }
}
