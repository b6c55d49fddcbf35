using System.Buffers;
using System.Globalization;
using System.Text;

namespace Grpc.Headers;

/// <summary>
/// grpc-message: UTF-8, in which every byte outside space..~ and the percent sign itself are written as %XX. A reader takes broken
/// escapes as they stand: a bad message must never hide the status.
/// </summary>
internal static class PercentEncoding
{
    private const string HexDigits = "0123456789ABCDEF";
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        " !\"#$&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    public static string Encode(string text)
    {
        if (text.AsSpan().IndexOfAnyExcept(Plain) < 0 && text.Length <= Limits.StatusDetailBytes && !text.StartsWith(' ') && !text.EndsWith(' '))
        {
            return text;
        }

        // A lone surrogate becomes U+FFFD here; the cut below may split a character, which a reader decodes to U+FFFD as well.
        var bytes = Encoding.UTF8.GetBytes(text).AsSpan();
        bytes = bytes[..Math.Min(bytes.Length, Limits.StatusDetailBytes)];
        var encoded = new StringBuilder(bytes.Length + 32);
        for (var i = 0; i < bytes.Length; i++)
        {
            // A space at either end is written as an escape too: HTTP trims header values.
            var b = bytes[i];
            if (b is > 0x20 and <= 0x7E and not (byte)'%' || (b == 0x20 && i > 0 && i < bytes.Length - 1))
            {
                encoded.Append((char)b);
            }
            else
            {
                encoded.Append('%').Append(HexDigits[b >> 4]).Append(HexDigits[b & 0xF]);
            }
        }

        return encoded.ToString();
    }

    public static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        var written = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 < text.Length
                && byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                bytes[written++] = value;
                i += 2;
            }
            else
            {
                written += Encoding.UTF8.GetBytes(text.AsSpan(i, 1), bytes.AsSpan(written));
            }
        }

        return Encoding.UTF8.GetString(bytes, 0, written);
    }
}
