using System.Buffers;
using System.Globalization;
using System.Text;

namespace OrleansFeatures.Benchmarks.Serving.Redis;

/// <summary>Writes a command in Redis's protocol (RESP2).</summary>
internal readonly struct RedisCommand
{
    private readonly ArrayBufferWriter<byte> _to;

    public RedisCommand(ArrayBufferWriter<byte> to, int words)
    {
        _to = to;
        Line('*', words);
    }

    public void Word(ReadOnlySpan<byte> bytes)
    {
        Line('$', bytes.Length);
        _to.Write(bytes);
        _to.Write("\r\n"u8);
    }

    public void Word(long number, char prefix = '\0')
    {
        Span<byte> text = stackalloc byte[24];
        int at = prefix == '\0' ? 0 : 1;
        text[0] = (byte)prefix;
        number.TryFormat(text[at..], out int written, provider: CultureInfo.InvariantCulture);
        Word(text[..(at + written)]);
    }

    public void Word(double number) => Word(Encoding.ASCII.GetBytes(number.ToString("R", CultureInfo.InvariantCulture)));

    private void Line(char kind, int number)
    {
        Span<byte> text = stackalloc byte[16];
        text[0] = (byte)kind;
        number.TryFormat(text[1..], out int written, provider: CultureInfo.InvariantCulture);
        "\r\n"u8.CopyTo(text[(1 + written)..]);
        _to.Write(text[..(written + 3)]);
    }
}
