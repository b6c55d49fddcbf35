using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace OrleansFeatures.Fuzzing.Engine;

/// <summary>
/// Makes new inputs of old ones: flips, boundary numbers (binary, packed and in decimal), lost, repeated and moved pieces, pieces of other inputs, tokens of the format. A function of the random numbers alone.
/// </summary>
internal sealed class Mutator(FuzzTarget target)
{
    private static readonly long[] Numbers =
    [
        0, 1, -1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 129, 255, 256, 511, 512, 1_023, 1_024, 4_095, 4_096, 32_767, 32_768, 65_535, 65_536, 1 << 20, int.MaxValue, (long)int.MaxValue + 1, uint.MaxValue,
        (long)uint.MaxValue + 1, 1L << 40, 1L << 53, (1L << 53) + 1, long.MaxValue - 1, long.MaxValue, long.MinValue, long.MinValue + 1, int.MinValue, 1_521_676_800_000_000, 4_102_444_800_000_000,
    ];

    private static readonly string[] NumberTexts =
    [
        "0", "-0", "1", "-1", "00", "0x10", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "0.1", ".5", "5.", "1_000", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
        "18446744073709551616", "99999999999999999999999999999999999999999999", "9007199254740993", "2147483648", "1e308", "4.9e-324", "1d", "0s", "999999999999d", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z", "2018-02-30T00:00:00Z", "2018-04-01T24:00:00Z", "2018-04-01T00:00:31.123456+14:00",
    ];

    public byte[] Next(Corpus from, Random random)
    {
        // Half of them of seeds: what was kept since is mostly what was refused in a new way.
        IReadOnlyList<byte[]> corpus = from.Inputs;
        byte[] input = corpus[random.Next(random.Next(2) == 0 ? from.Seeds : corpus.Count)];
        if (random.Next(3) > 0 && target.Mutate(input, random, corpus) is { } structured)
        {
            input = structured;
            if (random.Next(3) > 0)
            {
                return Cut(input);
            }
        }

        for (int mutation = 0; mutation < Limits.MutationsMax; mutation++)
        {
            input = Once(input, corpus, random);
            if (random.Next(2) == 0)
            {
                break;
            }
        }

        return Cut(input);
    }

    /// <summary>One mutation of bytes as bytes; for targets that mutate parts of their format by themselves.</summary>
    public static byte[] Bytes(byte[] input, Random random, IReadOnlyList<byte[]> corpus, IReadOnlyList<byte[]> tokens)
    {
        if (input.Length == 0)
        {
            return tokens.Count > 0 ? tokens[random.Next(tokens.Count)] : [(byte)random.Next(256)];
        }

        int at = random.Next(input.Length + 1);
        int length = Math.Min(input.Length - at, random.Next(4) == 0 ? random.Next(1, 200) : random.Next(1, 9));
        switch (random.Next(14))
        {
            case 0:
                return With(input, bytes => bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8)));
            case 1:
                return With(input, bytes => bytes[random.Next(bytes.Length)] = (byte)(random.Next(3) switch { 0 => 0, 1 => 255, _ => random.Next(256) }));
            case 2:
                return [.. input[..at], .. input[(at + length)..]];
            case 3:
                return [.. input[..at], .. Repeated(input.AsSpan(at, length), random.Next(8) == 0 ? random.Next(2, 400) : 1), .. input[at..]];
            case 4:
                return input[..at];
            case 5:
                return Number(input, random);
            case 6:
                return [.. input[..at], .. Packed((ulong)Numbers[random.Next(Numbers.Length)]), .. input[at..]];
            case 7:
                return ReplaceNumberText(input, random);
            case 8 or 9 when tokens.Count > 0:
                return [.. input[..at], .. tokens[random.Next(tokens.Count)], .. input[(random.Next(2) == 0 ? at : at + length)..]];
            case 10:
                byte[] other = corpus[random.Next(corpus.Count)];
                int from = random.Next(other.Length + 1);
                return [.. input[..at], .. other[from..Math.Min(other.Length, from + (random.Next(2) == 0 ? other.Length : random.Next(1, 64)))], .. random.Next(2) == 0 ? input[at..] : []];
            case 11:
                return Moved(input, random);
            case 12:
                var noise = new byte[random.Next(1, 17)];
                random.NextBytes(noise);
                return [.. input[..at], .. noise, .. input[at..]];
            default:
                return With(input, bytes => random.NextBytes(bytes.AsSpan(Math.Min(at, bytes.Length - 1), Math.Max(1, length))));
        }
    }

    /// <summary>A number as protobuf and saved sums pack it.</summary>
    public static byte[] Packed(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
        return [.. bytes];
    }

    public static long AnyNumber(Random random) => random.Next(4) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : Numbers[random.Next(Numbers.Length)];

    private byte[] Once(byte[] input, IReadOnlyList<byte[]> corpus, Random random) => Bytes(input, random, corpus, target.Tokens);

    private byte[] Cut(byte[] input) => input.Length <= target.InputBytesMax ? input : input[..target.InputBytesMax];

    private static byte[] With(byte[] input, Action<byte[]> change)
    {
        byte[] copy = [.. input];
        change(copy);
        return copy;
    }

    /// <summary>A boundary number over one, two, four or eight bytes, in either order.</summary>
    private static byte[] Number(byte[] input, Random random)
    {
        int width = 1 << random.Next(4);
        if (input.Length < width)
        {
            return [(byte)Numbers[random.Next(Numbers.Length)]];
        }

        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, Numbers[random.Next(Numbers.Length)] + (random.Next(4) == 0 ? random.Next(-2, 3) : 0));
        number = number[..width];
        if (random.Next(2) == 0)
        {
            number.Reverse();
        }

        byte[] copy = [.. input];
        number.CopyTo(copy.AsSpan(random.Next(input.Length - width + 1)));
        return copy;
    }

    private static byte[] ReplaceNumberText(byte[] input, Random random)
    {
        int at = random.Next(input.Length);
        int digit = input.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
        at = digit < 0 ? at : at + digit;
        int end = at;
        while (end < input.Length && (char.IsAsciiDigit((char)input[end]) || (end > at && input[end] == (byte)'.')))
        {
            end++;
        }

        string text = random.Next(3) == 0 ? AnyNumber(random).ToString(CultureInfo.InvariantCulture) : NumberTexts[random.Next(NumberTexts.Length)];
        return [.. input[..at], .. Encoding.ASCII.GetBytes(text), .. input[end..]];
    }

    private static byte[] Repeated(ReadOnlySpan<byte> piece, int times)
    {
        var bytes = new byte[piece.Length * times];
        for (int time = 0; time < times; time++)
        {
            piece.CopyTo(bytes.AsSpan(time * piece.Length));
        }

        return bytes;
    }

    private static byte[] Moved(byte[] input, Random random)
    {
        int[] cuts = [random.Next(input.Length + 1), random.Next(input.Length + 1), random.Next(input.Length + 1)];
        Array.Sort(cuts);
        return [.. input[..cuts[0]], .. input[cuts[1]..cuts[2]], .. input[cuts[0]..cuts[1]], .. input[cuts[2]..]];
    }
}
