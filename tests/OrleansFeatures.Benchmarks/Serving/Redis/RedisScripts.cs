namespace OrleansFeatures.Benchmarks.Serving.Redis;

/// <summary>
/// Rolling windows as feature stores on Redis keep them: a hash for each card, in it a tile for each minute, which holds count, sum, least and greatest in 32 bytes. A payment changes its tile, a lookup adds up the tiles of each
/// window. Both happen inside Redis, so a request is one round trip. Windows are whole minutes, nothing tells a duplicate, and nothing is written to disk: it has less to do than the store.
/// </summary>
internal static class RedisScripts
{
    public const long TileMicros = 60_000_000;

    /// <summary>Windows in minutes, narrowest first: those of serving.yaml.</summary>
    public static readonly int[] WindowMinutes = [10, 60, 360, 1440];

    /// <summary>Doubles that a lookup answers: count, sum, least and greatest of each window.</summary>
    public static int AnswerDoubles => WindowMinutes.Length * 4;

    /// <summary>A payment: KEYS[1] the card, ARGV minute and amount.</summary>
    public const string Update = """
        local v = tonumber(ARGV[2])
        local old = redis.call('HGET', KEYS[1], ARGV[1])
        if old then
          local c, s, l, g = struct.unpack('dddd', old)
          redis.call('HSET', KEYS[1], ARGV[1], struct.pack('dddd', c + 1, s + v, math.min(l, v), math.max(g, v)))
        else
          redis.call('HSET', KEYS[1], ARGV[1], struct.pack('dddd', 1, v, v, v))
          redis.call('EXPIRE', KEYS[1], 172800)
        end
        return 1
        """;

    /// <summary>A lookup: KEYS the cards, ARGV[1] the minute that now is in.</summary>
    public const string Read = """
        local now = tonumber(ARGV[1])
        local windows = {10, 60, 360, 1440}
        local answer = {}
        for k = 1, #KEYS do
          local tiles = redis.call('HGETALL', KEYS[k])
          local c, s, l, g = {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}
          for i = 1, #tiles, 2 do
            local age = now - tonumber(tiles[i])
            if age >= 0 and age < 1440 then
              local tc, ts, tl, tg = struct.unpack('dddd', tiles[i + 1])
              for w = 4, 1, -1 do
                if age >= windows[w] then break end
                l[w] = (c[w] == 0) and tl or math.min(l[w], tl)
                g[w] = (c[w] == 0) and tg or math.max(g[w], tg)
                c[w] = c[w] + tc
                s[w] = s[w] + ts
              end
            end
          end
          answer[k] = struct.pack('dddddddddddddddd', c[1], s[1], l[1], g[1], c[2], s[2], l[2], g[2], c[3], s[3], l[3], g[3], c[4], s[4], l[4], g[4])
        end
        return table.concat(answer)
        """;
}
