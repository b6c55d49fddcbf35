using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

/// <summary>Random events, in random order and with repetitions, over gRPC; then every answer against the definition of a window in four lines, of a ttl and of on-demand features in a few more.</summary>
public sealed class RandomStreamTests
{
    private const int Events = 3_000;

    /// <summary>Twice: as the definitions say it.</summary>
    private const long TtlMicros = 7_200 * Clicks.Second;

    /// <summary>A pair of user and shop expires after two hours; three features are computed with the request, which brings a value for each row or one for all.</summary>
    private static readonly string Computing = Definitions.Everything
        .Replace("entity: pair\n    stream: clicks\n", "entity: pair\n    stream: clicks\n    ttl: 2h\n", StringComparison.Ordinal)
        .Replace(
            "feature_services:\n",
            """
            on_demand:
              - {name: ratio, type: double, expr: request.amount / user_stats.mean}
              - {name: share, type: double, expr: pair_stats.n * request.weight - user_stats.n}
              - {name: otherwise, type: int64, expr: "has(pair_stats.n) ? pair_stats.n : request.other", request: {other: int64}}
            feature_services:

            """,
            StringComparison.Ordinal);

    private sealed record Asked(string User, long Shop, long At, double? Amount, long? Other);

    private sealed record Click(long Id, long At, string User, long Shop, double? Amount);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Answers_equal_those_of_a_naive_reading_of_all_events(int seed)
    {
        var random = new Random(seed);
        List<Click> clicks = Draw(random);
        List<Click> sent = [.. clicks, .. clicks.Where(_ => random.Next(5) == 0)];
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = await SendAsync(store, [.. sent.OrderBy(_ => random.Next())], random);

        var request = new GetFeaturesRequest { What = Clicks.List("user_stats:n", "user_stats:total", "shop_stats:n", "shop_stats:users", "pair_stats:n"), MinToken = token };
        var asked = Enumerable.Range(0, 500).Select(_ => (User: $"u{random.Next(22)}", Shop: random.NextInt64(6), At: Clicks.Midnight + (random.NextInt64(2 * 86_400, 4 * 86_400) * Clicks.Second))).ToList();
        request.Keys.AddRange([Clicks.Keys("user", [.. asked.Select(row => row.User)]), Clicks.Keys("shop", [.. asked.Select(row => row.Shop)])]);
        request.AsOfMicros.AddRange(asked.Select(row => row.At));
        FeatureRows rows = (await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled)).Rows;
        for (int row = 0; row < asked.Count; row++)
        {
            (string user, long shop, long at) = asked[row];
            string context = $"seed {seed}, row {row}: {user} in shop {shop} at {at}";
            List<Click> day = [.. clicks.Where(click => click.At > at - (86_400 * Clicks.Second) && click.At <= at)];
            rows.Int64S[row * 4].ShouldBe(day.Count(click => click.User == user), context);
            rows.Int64S[(row * 4) + 1].ShouldBe(day.Count(click => click.Shop == shop && click.At > at - (3_600 * Clicks.Second)), context);
            rows.Int64S[(row * 4) + 2].ShouldBe(day.Where(click => click.Shop == shop).Select(click => click.User).Distinct().Count(), context);
            rows.Int64S[(row * 4) + 3].ShouldBe(day.Count(click => click.Shop == shop && click.User == user), context);
            rows.Doubles[row].ShouldBe(day.Where(click => click.User == user).Sum(click => click.Amount ?? 0), context);
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task What_expires_and_what_is_computed_with_the_request_equals_a_naive_reading(int seed)
    {
        var random = new Random(seed);
        List<Click> clicks = Draw(random);
        await using RunningStore store = await RunningStore.StartAsync(Computing);
        ConsistencyToken token = await SendAsync(store, [.. clicks.OrderBy(_ => random.Next())], random);
        var asked = Enumerable.Range(0, 500).Select(_ => new Asked($"u{random.Next(22)}", random.NextInt64(6), At(random, clicks), random.Next(8) == 0 ? null : random.Next(-9, 9), random.Next(4) == 0 ? null : random.Next(9))).ToList();
        var request = new GetFeaturesRequest { What = Clicks.List("pair_stats:n", "ratio", "share", "otherwise"), MinToken = token };
        request.Keys.AddRange([Clicks.Keys("user", [.. asked.Select(row => row.User)]), Clicks.Keys("shop", [.. asked.Select(row => row.Shop)])]);
        request.AsOfMicros.AddRange(asked.Select(row => row.At));
        request.Context.Add(new ContextColumn { Field = "amount", Values = new Column { Doubles = { asked.Select(row => row.Amount ?? 0) }, Nulls = Nulls(asked, row => row.Amount is null) } });
        request.Context.Add(new ContextColumn { Field = "other", Values = new Column { Int64S = { asked.Select(row => row.Other ?? 0) }, Nulls = Nulls(asked, row => row.Other is null) } });
        request.Context.Add(new ContextColumn { Field = "weight", Values = new Column { Doubles = { 2.5 } } });

        FeatureRows rows = (await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled)).Rows;
        var seen = new HashSet<FeatureStatus>();
        for (int row = 0; row < asked.Count; row++)
        {
            (object? Value, FeatureStatus Status)[] due = Naive(clicks, asked[row], weight: 2.5);
            FeatureStatus[] statuses = [.. rows.Statuses.Skip(row * 4).Take(4).Select(status => (FeatureStatus)status)];
            statuses.ShouldBe(due.Select(one => one.Status), $"seed {seed}, row {row}: {asked[row]}");
            object[] found = [rows.Int64S[row * 2], rows.Doubles[row * 2], rows.Doubles[(row * 2) + 1], rows.Int64S[(row * 2) + 1]];
            found.Where((_, column) => due[column].Value is not null).ShouldBe(due.Select(one => one.Value).OfType<object>(), $"seed {seed}, row {row}: {asked[row]}");
            seen.UnionWith(statuses);
        }

        seen.ShouldBe([FeatureStatus.Present, FeatureStatus.NullValue, FeatureStatus.NotFound, FeatureStatus.OutsideMaxAge], ignoreOrder: true, $"seed {seed}: one that was never drawn proves nothing");
    }

    /// <summary>Of one row: pair_stats:n, ratio, share, otherwise.</summary>
    private static (object? Value, FeatureStatus Status)[] Naive(List<Click> clicks, Asked row, double weight)
    {
        List<Click> ofUser = [.. clicks.Where(click => click.User == row.User)];
        List<Click> day = [.. ofUser.Where(click => click.At > row.At - (86_400 * Clicks.Second) && click.At <= row.At)];
        List<Click> ofPair = [.. ofUser.Where(click => click.Shop == row.Shop && click.At <= row.At)];
        bool hasExpired = ofPair.Count > 0 && ofPair.Max(click => click.At) < row.At - TtlMicros;
        long pairs = day.Count(click => click.Shop == row.Shop);
        double[] amounts = [.. day.Where(click => click.Amount is not null).Select(click => click.Amount!.Value)];
        object? ratio = row.Amount is { } amount && amounts.Length > 0 ? amount / (amounts.Sum() / amounts.Length) : null;
        object? otherwise = hasExpired ? row.Other : pairs;
        return
        [
            hasExpired ? (null, FeatureStatus.OutsideMaxAge) : (pairs, FeatureStatus.Present),
            (ratio, ratio is not null ? FeatureStatus.Present : ofUser.Count == 0 ? FeatureStatus.NotFound : FeatureStatus.NullValue),
            hasExpired ? (null, FeatureStatus.OutsideMaxAge) : ((pairs * weight) - day.Count, FeatureStatus.Present),
            (otherwise, otherwise is null ? FeatureStatus.OutsideMaxAge : FeatureStatus.Present),
        ];
    }

    private static List<Click> Draw(Random random) =>
    [
        .. Enumerable.Range(0, Events).Select(id => new Click(
            id, Clicks.Midnight + (random.NextInt64(0, 3 * 86_400) * Clicks.Second), $"u{random.Next(20)}", random.Next(5), random.Next(10) == 0 ? null : random.Next(1, 1_000) / 4.0)),
    ];

    /// <summary>Any time, or one at which some event is just as old as the ttl, or a microsecond older.</summary>
    private static long At(Random random, List<Click> clicks) => random.Next(2) == 0
        ? Clicks.Midnight + (random.NextInt64(2 * 86_400, 4 * 86_400) * Clicks.Second)
        : clicks.Where(click => click.At > Clicks.Midnight + (2 * 86_400 * Clicks.Second)).ElementAt(random.Next(Events / 4)).At + TtlMicros + random.Next(2);

    private static Google.Protobuf.ByteString Nulls(List<Asked> asked, Func<Asked, bool> isNull)
    {
        var nulls = new byte[(asked.Count + 7) / 8];
        for (int row = 0; row < asked.Count; row++)
        {
            nulls[row / 8] |= (byte)(isNull(asked[row]) ? 1 << (row % 8) : 0);
        }

        return Google.Protobuf.ByteString.CopyFrom(nulls);
    }

    /// <summary>Half in rows over single calls, half in columns over a stream.</summary>
    private static async Task<ConsistencyToken> SendAsync(RunningStore store, IReadOnlyList<Click> clicks, Random random)
    {
        var newest = new SortedDictionary<uint, ulong>();
        ulong accepted = 0;
        ulong duplicates = 0;
        void Note(PushResponse response)
        {
            response.Quarantined.ShouldBe(0ul);
            accepted += response.Accepted + response.Late;
            duplicates += response.Duplicates;
            for (int index = 0; index < response.Token.Partitions.Count; index++)
            {
                newest[response.Token.Partitions[index]] = Math.Max(newest.GetValueOrDefault(response.Token.Partitions[index]), response.Token.Offsets[index]);
            }
        }

        using var stream = store.Ingest.PushStream(cancellationToken: RunningStore.Cancelled);
        int streamed = 0;
        foreach (Click[] batch in clicks.Chunk(97))
        {
            if (random.Next(2) == 0)
            {
                Note(await store.Ingest.PushAsync(Rows(batch), cancellationToken: RunningStore.Cancelled));
            }
            else
            {
                await stream.RequestStream.WriteAsync(Columns(batch), RunningStore.Cancelled);
                streamed++;
            }
        }

        await stream.RequestStream.CompleteAsync();
        while (await stream.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
            Note(stream.ResponseStream.Current);
            streamed--;
        }

        streamed.ShouldBe(0);
        accepted.ShouldBe((ulong)Events);
        duplicates.ShouldBe((ulong)(clicks.Count - Events));
        var token = new ConsistencyToken();
        token.Partitions.AddRange(newest.Keys);
        token.Offsets.AddRange(newest.Values);
        return token;
    }

    private static PushRequest Rows(Click[] batch)
    {
        PushRequest request = Clicks.Rows([.. batch.Select(click => new EventRow
        {
            Values = { Clicks.Of(click.Id), Clicks.At(click.At), Clicks.Of(click.User), Clicks.Of(click.Shop), click.Amount is { } amount ? Clicks.Of(amount) : Clicks.Null() },
        })]);
        request.FieldNames.AddRange(["id", "at", "user", "shop", "amount"]);
        return request;
    }

    private static PushRequest Columns(Click[] batch)
    {
        var request = new PushRequest { Stream = "clicks", Columns = new ColumnEvents { Count = (uint)batch.Length } };
        request.FieldNames.AddRange(["amount", "shop", "user", "at", "id"]);
        var nulls = new byte[(batch.Length + 7) / 8];
        for (int index = 0; index < batch.Length; index++)
        {
            nulls[index / 8] |= (byte)(batch[index].Amount is null ? 1 << (index % 8) : 0);
        }

        var amounts = new Column { Nulls = Google.Protobuf.ByteString.CopyFrom(nulls) };
        amounts.Doubles.AddRange(batch.Select(click => click.Amount ?? double.NaN));
        var shops = new Column();
        shops.Int64S.AddRange(batch.Select(click => click.Shop));
        var users = new Column();
        users.Strings.AddRange(batch.Select(click => click.User));
        var times = new Column();
        times.TimestampsMicros.AddRange(batch.Select(click => click.At));
        var ids = new Column();
        ids.Int64S.AddRange(batch.Select(click => click.Id));
        request.Columns.Columns.AddRange([amounts, shops, users, times, ids]);
        return request;
    }
}
