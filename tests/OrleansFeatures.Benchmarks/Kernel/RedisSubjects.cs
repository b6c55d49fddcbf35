using System.Globalization;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>How a feature store on Redis keeps rolling windows: the commands of an update and of a read, and what is computed from the answer.</summary>
internal abstract class RedisSubject(RedisServer server) : IKernelSubject
{
    private readonly double[] _values = new double[KernelSuite.ValuesPerRead];
    private KernelEvent[] _events = [];

    /// <summary>Commands under way at once.</summary>
    public const int Pipelined = 100;

    public abstract string Name { get; }

    public ReadOnlySpan<double> LastRead => _values;

    protected RespConnection Connection => server.Connection;

    protected static long WidestMicros => KernelDefinitions.Windows[^1].Micros;

    public void Prepare(ReadOnlySpan<KernelEvent> events) => _events = events.ToArray();

    public void Apply()
    {
        for (int from = 0; from < _events.Length; from += Pipelined)
        {
            int answers = 0;
            int to = Math.Min(from + Pipelined, _events.Length);
            for (int index = from; index < to; index++)
            {
                answers += Update(_events[index]);
            }

            for (; answers > 0; answers--)
            {
                Connection.Read();
            }
        }
    }

    public void Read(ReadOnlySpan<long> keys, long asOfMicros)
    {
        for (int from = 0; from < keys.Length; from += Pipelined)
        {
            ReadOnlySpan<long> some = keys[from..Math.Min(from + Pipelined, keys.Length)];
            foreach (long key in some)
            {
                Ask(key, asOfMicros);
            }

            for (int answer = 0; answer < some.Length; answer++)
            {
                Compute(Connection.Read(), asOfMicros, _values);
            }
        }
    }

    /// <summary>Writes the commands of an event, and returns how many answers they have.</summary>
    protected abstract int Update(in KernelEvent next);

    /// <summary>Writes the one command of a read.</summary>
    protected abstract void Ask(long key, long asOfMicros);

    protected abstract void Compute(RespReply reply, long asOfMicros, Span<double> values);

    protected static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    protected static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);

    protected static double Number(ReadOnlySpan<char> text) => double.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>Adds to every window that covers the time.</summary>
    protected static void Merge(Span<double> values, long time, long asOfMicros, ReadOnlySpan<double> part)
    {
        for (int window = 0; window < KernelDefinitions.Windows.Length; window++)
        {
            if (time <= asOfMicros && time > asOfMicros - KernelDefinitions.Windows[window].Micros)
            {
                Span<double> own = values.Slice(window * 5, 5);
                own[3] = own[0] == 0 ? part[2] : Math.Min(own[3], part[2]);
                own[4] = own[0] == 0 ? part[3] : Math.Max(own[4], part[3]);
                own[0] += part[0];
                own[1] += part[1];
                own[2] = own[1] / own[0];
            }
        }
    }
}

/// <summary>
/// A hash for each key with a field for each minute: count, sum, least and greatest, changed by a script on the server. Windows are whole minutes, and nothing tells a duplicate: the ids are not kept.
/// </summary>
internal sealed class RedisTiles : RedisSubject
{
    private const long TileMicros = 60_000_000;

    private const string Script = """
        local old = redis.call('HGET', KEYS[1], ARGV[1])
        local v = tonumber(ARGV[2])
        if old then
          local c, s, l, g = string.match(old, '(%S+) (%S+) (%S+) (%S+)')
          redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %.17g %.17g %.17g', c + 1, s + v, math.min(l, v), math.max(g, v)))
        else
          redis.call('HSET', KEYS[1], ARGV[1], string.format('1 %.17g %.17g %.17g', v, v, v))
        end
        redis.call('EXPIRE', KEYS[1], 172800)
        """;

    private readonly string _script;

    public RedisTiles(RedisServer server) : base(server)
    {
        Connection.Write("SCRIPT", "LOAD", Script);
        _script = Connection.Read().Text;
    }

    public override string Name => "redis, tiles";

    protected override int Update(in KernelEvent next)
    {
        Connection.Write("EVALSHA", _script, "1", "t" + Text(next.Key), Text(next.TimeMicros / TileMicros), Text(next.Amount));
        return 1;
    }

    protected override void Ask(long key, long asOfMicros) => Connection.Write("HGETALL", "t" + Text(key));

    protected override void Compute(RespReply reply, long asOfMicros, Span<double> values)
    {
        values.Clear();
        Span<double> tile = stackalloc double[4];
        for (int index = 0; index < reply.List!.Length; index += 2)
        {
            int part = 0;
            ReadOnlySpan<char> text = reply.List[index + 1].Text;
            foreach (Range range in text.Split(' '))
            {
                tile[part++] = Number(text[range]);
            }

            Merge(values, (long)Number(reply.List[index].Text) * TileMicros, asOfMicros, tile);
        }
    }
}

/// <summary>A sorted set for each key, of its events by time: "id:amount". Exact, duplicates included; a read fetches every event of the widest window.</summary>
internal sealed class RedisSortedSets(RedisServer server, Duration retention) : RedisSubject(server)
{
    public override string Name => "redis, sets";

    protected override int Update(in KernelEvent next)
    {
        string key = "z" + Text(next.Key);
        Connection.Write("ZADD", key, Text(next.TimeMicros), $"{Text(next.Id)}:{Text(next.Amount)}");
        Connection.Write("ZREMRANGEBYSCORE", key, "-inf", Text(next.TimeMicros - retention.Micros));
        return 2;
    }

    protected override void Ask(long key, long asOfMicros) =>
        Connection.Write("ZRANGEBYSCORE", "z" + Text(key), "(" + Text(asOfMicros - WidestMicros), Text(asOfMicros), "WITHSCORES");

    protected override void Compute(RespReply reply, long asOfMicros, Span<double> values)
    {
        values.Clear();
        Span<double> one = stackalloc double[4];
        for (int index = 0; index < reply.List!.Length; index += 2)
        {
            string member = reply.List[index].Text;
            double amount = Number(member.AsSpan(member.IndexOf(':', StringComparison.Ordinal) + 1));
            one[0] = 1;
            one[1] = one[2] = one[3] = amount;
            Merge(values, (long)Number(reply.List[index + 1].Text), asOfMicros, one);
        }
    }
}
