using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>One answer of Redis: a text (numbers and errors included), or a list.</summary>
internal readonly record struct RespReply(string Text, RespReply[]? List);

/// <summary>
/// As much of Redis's protocol (RESP2) as the comparison needs: commands are written into a buffer and leave together when the first answer is asked for, so any number of
/// commands share a round trip.
/// </summary>
internal sealed class RespConnection : IDisposable
{
    private const int BufferBytes = 1 << 16;

    private readonly TcpClient _client;
    private readonly BufferedStream _out;
    private readonly BufferedStream _in;

    public RespConnection(int port)
    {
        _client = new TcpClient("127.0.0.1", port) { NoDelay = true };
        _out = new BufferedStream(_client.GetStream(), BufferBytes);
        _in = new BufferedStream(_client.GetStream(), BufferBytes);
    }

    public void Write(params ReadOnlySpan<string> command)
    {
        WriteLine('*', command.Length);
        foreach (string word in command)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(word);
            WriteLine('$', bytes.Length);
            _out.Write(bytes);
            _out.Write("\r\n"u8);
        }
    }

    /// <summary>The answer to the oldest command not yet answered.</summary>
    public RespReply Read()
    {
        _out.Flush();
        return ReadReply();
    }

    public void Dispose()
    {
        _out.Dispose();
        _in.Dispose();
        _client.Dispose();
    }

    private RespReply ReadReply()
    {
        string line = ReadLine();
        switch (line[0])
        {
            case '+' or ':':
                return new RespReply(line[1..], null);
            case '$':
                int length = int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
                return new RespReply(length < 0 ? "" : ReadText(length), null);
            case '*':
                var list = new RespReply[Math.Max(0, int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture))];
                for (int index = 0; index < list.Length; index++)
                {
                    list[index] = ReadReply();
                }

                return new RespReply("", list);
            default:
                throw new InvalidOperationException($"redis: {line}");
        }
    }

    private string ReadText(int length)
    {
        byte[] bytes = new byte[length + 2];
        _in.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    private string ReadLine()
    {
        var line = new StringBuilder();
        for (int next = _in.ReadByte(); next != '\r'; next = _in.ReadByte())
        {
            line.Append(next >= 0 ? (char)next : throw new EndOfStreamException("redis closed the connection"));
        }

        _in.ReadByte();
        return line.ToString();
    }

    private void WriteLine(char kind, int number)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes[0] = (byte)kind;
        number.TryFormat(bytes[1..], out int written, provider: CultureInfo.InvariantCulture);
        "\r\n"u8.CopyTo(bytes[(1 + written)..]);
        _out.Write(bytes[..(written + 3)]);
    }
}
