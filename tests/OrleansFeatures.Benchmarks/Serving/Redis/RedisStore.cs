using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using OrleansFeatures.Benchmarks.Kernel;

namespace OrleansFeatures.Benchmarks.Serving.Redis;

/// <summary>Payments into tiles, and tiles into windows, over a few shared connections. Any thread.</summary>
internal sealed class RedisStore(RedisPipe[] pipes, byte[] update, byte[] read)
{
    /// <summary>Redis works on one thread; more connections than this only share it out more finely.</summary>
    private const int Connections = 4;

    private int _next;

    public static async Task<RedisStore> ConnectAsync(int port)
    {
        using var scripts = new RespConnection(port);
        byte[] update = Load(scripts, RedisScripts.Update);
        byte[] read = Load(scripts, RedisScripts.Read);
        return new RedisStore(await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => RedisPipe.ConnectAsync(port))), update, read);
    }

    /// <summary>Applies payments; one command each, all in one round trip.</summary>
    public Task ApplyAsync(IList<long> cards, IList<long> times, IList<double> amounts)
    {
        var commands = new ArrayBufferWriter<byte>(cards.Count * 128);
        for (int index = 0; index < cards.Count; index++)
        {
            var command = new RedisCommand(commands, 6);
            command.Word("EVALSHA"u8);
            command.Word(update);
            command.Word(1);
            command.Word(cards[index], 'c');
            command.Word(times[index] / RedisScripts.TileMicros);
            command.Word(amounts[index]);
        }

        return Pipe().AskAsync(commands.WrittenMemory, cards.Count);
    }

    /// <summary>For each card count, sum, least and greatest of each window, <see cref="RedisScripts.AnswerDoubles"/> doubles.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadAsync(IList<long> cards, long nowMicros)
    {
        var commands = new ArrayBufferWriter<byte>(128 + (cards.Count * 16));
        Ask(commands, cards, nowMicros);
        return await Pipe().AskAsync(commands.WrittenMemory, 1);
    }

    public static ReadOnlySpan<double> Doubles(ReadOnlyMemory<byte> answer) => MemoryMarshal.Cast<byte, double>(answer.Span);

    private void Ask(ArrayBufferWriter<byte> commands, IList<long> cards, long nowMicros)
    {
        var command = new RedisCommand(commands, 4 + cards.Count);
        command.Word("EVALSHA"u8);
        command.Word(read);
        command.Word(cards.Count);
        foreach (long card in cards)
        {
            command.Word(card, 'c');
        }

        command.Word(nowMicros / RedisScripts.TileMicros);
    }

    private RedisPipe Pipe() => pipes[(uint)Interlocked.Increment(ref _next) % (uint)pipes.Length];

    private static byte[] Load(RespConnection scripts, string script)
    {
        scripts.Write("SCRIPT", "LOAD", script);
        return Encoding.ASCII.GetBytes(scripts.Read().Text);
    }
}
