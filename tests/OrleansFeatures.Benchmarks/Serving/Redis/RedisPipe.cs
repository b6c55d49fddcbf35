using System.Buffers;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace OrleansFeatures.Benchmarks.Serving.Redis;

/// <summary>
/// One connection that any number of callers share, as clients of Redis do: what they ask at the same time leaves in one write, and answers come back in the order of the questions.
/// <code>
///   callers ──> asked (bounded) ──one writer──> socket ──one reader──> the oldest waiting caller
/// </code>
/// Answers are single: a number, a status or a text. Ends with its socket.
/// </summary>
internal sealed class RedisPipe : IDisposable
{
    /// <summary>Questions that wait to be written; who asks more waits. A unary call asks one thing, so it is never full.</summary>
    private const int AskedMax = 4096;

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly Channel<Question> _asked = Channel.CreateBounded<Question>(AskedMax);
    private readonly ConcurrentQueue<Question> _waiting = new();

    private RedisPipe(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket);
        _ = Task.Run(WriteAsync);
        _ = Task.Run(ReadAsync);
    }

    public static async Task<RedisPipe> ConnectAsync(int port)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        return new RedisPipe(socket);
    }

    /// <summary>Commands that go out together; the last one's answer, when all have been answered.</summary>
    public async Task<byte[]> AskAsync(ReadOnlyMemory<byte> commands, int count)
    {
        var question = new Question(commands, count);
        await _asked.Writer.WriteAsync(question);
        return await question.Answer.Task;
    }

    public void Dispose()
    {
        _asked.Writer.TryComplete();
        _stream.Dispose();
        _socket.Dispose();
    }

    private async Task WriteAsync()
    {
        PipeWriter to = PipeWriter.Create(_stream);
        while (await _asked.Reader.WaitToReadAsync())
        {
            while (_asked.Reader.TryRead(out Question? question))
            {
                _waiting.Enqueue(question);
                to.Write(question.Commands.Span);
            }

            await to.FlushAsync();
        }
    }

    private async Task ReadAsync()
    {
        PipeReader from = PipeReader.Create(_stream);
        Exception lost = new EndOfStreamException("redis closed the connection");
        try
        {
            ReadResult read;
            do
            {
                read = await from.ReadAsync();
                ReadOnlySequence<byte> rest = read.Buffer;
                while (TryTake(ref rest, out byte[] answer))
                {
                    Hand(answer);
                }

                from.AdvanceTo(rest.Start, rest.End);
            }
            while (!read.IsCompleted);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or InvalidOperationException)
        {
            lost = failure;
        }

        while (_waiting.TryDequeue(out Question? question))
        {
            question.Answer.TrySetException(lost);
        }
    }

    private void Hand(byte[] answer)
    {
        if (_waiting.TryPeek(out Question? question) && question.IsLast())
        {
            _waiting.TryDequeue(out _);
            question.Answer.SetResult(answer);
        }
    }

    private static bool TryTake(ref ReadOnlySequence<byte> rest, out byte[] answer)
    {
        answer = [];
        var reader = new SequenceReader<byte>(rest);
        if (!reader.TryReadTo(out ReadOnlySequence<byte> line, "\r\n"u8))
        {
            return false;
        }

        ReadOnlySpan<byte> head = line.IsSingleSegment ? line.FirstSpan : line.ToArray();
        switch (head[0])
        {
            case (byte)'$':
                Utf8Parser.TryParse(head[1..], out int length, out _);
                if (length >= 0)
                {
                    if (reader.Remaining < length + 2)
                    {
                        return false;
                    }

                    answer = reader.UnreadSequence.Slice(0, length).ToArray();
                    reader.Advance(length + 2);
                }

                break;
            case (byte)':' or (byte)'+':
                answer = head[1..].ToArray();
                break;
            default:
                throw new InvalidOperationException($"redis: {Encoding.UTF8.GetString(head)}");
        }

        rest = reader.UnreadSequence;
        return true;
    }

    private sealed class Question(ReadOnlyMemory<byte> commands, int count)
    {
        private int _left = count;

        public ReadOnlyMemory<byte> Commands => commands;

        public TaskCompletionSource<byte[]> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Called once for each answer, by the one reader.</summary>
        public bool IsLast() => --_left == 0;
    }
}
