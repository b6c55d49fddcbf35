using System.Net;
using System.Net.Sockets;
using System.Text;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Server.Hosting;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// The whole store in this process, listening: for what is only reached through the server. It writes errors of its own to standard error, where they are looked for: an error is our doing, and no
/// client's.
/// </summary>
internal sealed class RunningStore : IDisposable
{
    /// <summary>Far more than any answer takes, on a machine that is busy with other things.</summary>
    public static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(10);
    private readonly string _folder = Directory.CreateTempSubdirectory("orleansfeatures-fuzz-").FullName;
    private readonly TextWriter _standardError = Console.Error;
    private readonly ErrorLines _errors = new();
    private readonly EmbeddedServer _server;

    public RunningStore()
    {
        string definitions = Path.Combine(_folder, "definitions");
        Directory.CreateDirectory(definitions);
        File.WriteAllText(Path.Combine(definitions, "examples.yaml"), Examples.Yaml);
        Console.SetError(_errors);
        _server = EmbeddedServer.StartAsync(new ServeOptions(Path.Combine(_folder, "data"), definitions, 0, 0) { MemoryBudgetBytes = 64 * 1024 * 1024 }, CancellationToken.None).GetAwaiter().GetResult();
    }

    public Uri Http => _server.HttpAddress;

    public Uri Grpc => _server.GrpcAddress;

    /// <summary>Sends bytes over a new connection and reads until the server ends it. If it does not, because it waits for more, the sending side is ended after a while, and then it must.</summary>
    public byte[] Exchange(Uri address, ReadOnlySpan<byte> request, TimeSpan patience)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = (int)patience.TotalMilliseconds };
        socket.Connect(IPAddress.Loopback, address.Port);
        var answer = new MemoryStream();
        try
        {
            socket.Send(request);
            if (!TryReceive(socket, answer))
            {
                socket.Shutdown(SocketShutdown.Send);
                socket.ReceiveTimeout = (int)AnswerMax.TotalMilliseconds;
                WrongAnswerException.Unless(TryReceive(socket, answer), $"no end of the answer {AnswerMax.TotalSeconds} s after the client has ended its side; so far: {Encoding.Latin1.GetString(answer.ToArray())}");
            }
        }
        catch (SocketException closed) when (closed.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted)
        {
            // The server may hang up on a client that makes no sense.
        }

        return answer.ToArray();
    }

    /// <summary>Whether it answers, and has written no error since.</summary>
    public void CheckAlive()
    {
        byte[] answer = Exchange(Http, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8, AnswerMax);
        WrongAnswerException.Unless(answer.AsSpan().StartsWith("HTTP/1.1 200 "u8), "the store is not ready any more");
        CheckErrors();
    }

    public void CheckErrors()
    {
        if (_errors.Take() is { } line)
        {
            throw new WrongAnswerException($"the store has written: {line}");
        }
    }

    public void Dispose()
    {
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Console.SetError(_standardError);
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>False if the server is silent for too long.</summary>
    private static bool TryReceive(Socket socket, MemoryStream answer)
    {
        var buffer = new byte[8 * 1024];
        try
        {
            for (int read = socket.Receive(buffer); read > 0; read = socket.Receive(buffer))
            {
                answer.Write(buffer, 0, read);
            }

            return true;
        }
        catch (SocketException slow) when (slow.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return false;
        }
    }

    /// <summary>Keeps the first line of each error that the console logger writes.</summary>
    private sealed class ErrorLines : TextWriter
    {
        private readonly Lock _gate = new();
        private string? _first;

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
        }

        public override void Write(string? value)
        {
            lock (_gate)
            {
                if (value is not null && (value.Contains("fail:", StringComparison.Ordinal) || value.Contains("crit:", StringComparison.Ordinal)))
                {
                    _first ??= value;
                }
            }
        }

        public string? Take()
        {
            lock (_gate)
            {
                return Interlocked.Exchange(ref _first, null);
            }
        }
    }
}
