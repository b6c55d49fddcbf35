using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

/// <summary>Random events, in random order and with repetitions, over gRPC; then every answer against the definition of a window in four lines.</summary>
public sealed class RandomStreamTests
{
    private const int Events = 3_000;

    private sealed record Click(long Id, long At, string User, long Shop, double? Amount);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Answers_equal_those_of_a_naive_reading_of_all_events(int seed)
    {
        var random = new Random(seed);
        List<Click> clicks = [.. Enumerable.Range(0, Events).Select(id => new Click(
            id, Clicks.Midnight + (random.NextInt64(0, 3 * 86_400) * Clicks.Second), $"u{random.Next(20)}", random.Next(5), random.Next(10) == 0 ? null : random.Next(1, 1_000) / 4.0))];
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
