using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>
/// The cards that the suite asks about, and their payments. The past day's lie evenly over it, so that every window holds some; what is pushed while something is measured happens now. Ids never repeat
/// within one run. Any thread.
/// </summary>
internal sealed class Cards(int count)
{
    public const string Stream = "payments";
    public const string TwentyFeatures = "twenty";
    public const string TenFeatures = "ten";
    public const string KeyField = "card_id";

    /// <summary>Where it stands among the columns of a push.</summary>
    public const int CardColumn = 2;

    private const int Seed = 20251121;
    private const int RequestsPrepared = 4096;
    private const long DayMicros = 86_400_000_000;

    private long _lastId;

    public int Count => count;

    /// <summary>A day's payments until now, oldest first, in batches.</summary>
    public IEnumerable<PushRequest> PastDay(int payments, int batch)
    {
        var random = new Random(Seed);
        long begin = NowMicros() - DayMicros;
        for (int from = 0; from < payments; from += batch)
        {
            int first = from;
            yield return Batch(Math.Min(batch, payments - from), random, index => begin + (long)((first + index) / (double)payments * DayMicros));
        }
    }

    /// <summary>Payments that happen now.</summary>
    public PushRequest Now(int payments, Random random)
    {
        long now = NowMicros();
        return Batch(payments, random, _ => now);
    }

    /// <summary>One payment of a card, now, as a row.</summary>
    public ObserveAndGetRequest Observation(Random random) => new()
    {
        Stream = Stream,
        Event = new EventRow
        {
            Values =
            {
                new Value { Int64 = Interlocked.Increment(ref _lastId) },
                new Value { TimestampMicros = NowMicros() },
                new Value { Int64 = random.Next(count) },
                new Value { Double = Amount(random) },
            },
        },
        What = new FeatureSelection { FeatureService = TwentyFeatures },
        Compact = true,
    };

    /// <summary>Requests made beforehand, so that the client spends no time on them while it measures. Shared: not to be changed.</summary>
    public GetFeaturesRequest[] Lookups(string service, int rows)
    {
        var random = new Random(Seed);
        return [.. Enumerable.Range(0, RequestsPrepared).Select(_ => Lookup(service, Enumerable.Range(0, rows).Select(_ => (long)random.Next(count))))];
    }

    public static GetFeaturesRequest Lookup(string service, IEnumerable<long> cards) => new()
    {
        What = new FeatureSelection { FeatureService = service },
        Keys = { new KeyColumn { Field = KeyField, Int64S = { cards } } },
        Compact = true,
    };

    public static long NowMicros() => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static double Amount(Random random) => Math.Round(random.NextDouble() * 200, 2);

    private PushRequest Batch(int payments, Random random, Func<int, long> timeOf)
    {
        long first = Interlocked.Add(ref _lastId, payments) - payments + 1;
        return new PushRequest
        {
            Stream = Stream,
            Columns = new ColumnEvents
            {
                Count = (uint)payments,
                Columns =
                {
                    new Column { Int64S = { Enumerable.Range(0, payments).Select(index => first + index) } },
                    new Column { TimestampsMicros = { Enumerable.Range(0, payments).Select(timeOf) } },
                    new Column { Int64S = { Enumerable.Range(0, payments).Select(_ => (long)random.Next(count)) } },
                    new Column { Doubles = { Enumerable.Range(0, payments).Select(_ => Amount(random)) } },
                },
            },
        };
    }
}
