using System.Globalization;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.RealData;

namespace OrleansFeatures.Gateway.Tests.Nexmark;

/// <summary>
/// NEXMark's queries from the published definitions alone: live state is read per entity, and what is read is arranged into the query's rows. Every row of the expected
/// results must be there, and no other.
/// </summary>
public sealed class NexmarkTests(NexmarkTests.OneMarket markets) : IClassFixture<NexmarkTests.OneMarket>
{
    private const long Second = 1_000_000;
    private const long Day = 86_400 * Second;

    [Fact]
    public void Q5_hot_items_from_each_auctions_sliding_count()
    {
        Market market = markets.Market;
        var rows = new List<string>();
        foreach (long end in WindowEnds(market, every: 2 * Second, width: 10 * Second))
        {
            // An auction without a bid in the window counts nothing, so it cannot be the hottest.
            var counts = market.Bids.Where(bid => bid.Time >= end - (10 * Second) && bid.Time < end).Select(bid => bid.Auction).Distinct()
                .Select(auction => (Auction: auction, Num: market.Read("q5", end - 1, Value.Of(auction))[0].Scalar.Int64)).ToList();
            long most = counts.Max(count => count.Num);
            rows.AddRange(counts.Where(count => count.Num == most).Select(count => $"{Time(end - (10 * Second))},{Time(end)},{count.Auction},{count.Num}"));
        }

        Compare("nexmark_q5.csv.gz", rows);
    }

    [Fact]
    public void Q5_hot_items_from_one_read_of_the_market()
    {
        Market market = markets.Market;
        var rows = new List<string>();
        foreach (long end in WindowEnds(market, every: 2 * Second, width: 10 * Second))
        {
            Value[] hottest = market.Read("q5_market", end - 1)[0].List!;
            for (int rank = 0; rank < hottest.Length && hottest[rank + 1] == hottest[1]; rank += 2)
            {
                rows.Add($"{Time(end - (10 * Second))},{Time(end)},{hottest[rank]},{hottest[rank + 1]}");
            }
        }

        Compare("nexmark_q5.csv.gz", rows);
    }

    [Fact]
    public void Q7_highest_bid_of_every_ten_seconds()
    {
        Market market = markets.Market;
        Compare("nexmark_q7.csv.gz", WindowEnds(market, every: 10 * Second, width: 10 * Second)
            .Select(end => $"{Time(end - (10 * Second))},{Time(end)},{string.Join(',', market.Read("q7", end - 1).Select(Text))}"));
    }

    /// <summary>Read at each of a bidder's bids; of the reads that find the same start, the last one has seen the whole session.</summary>
    [Fact]
    public void Q11_sessions_of_every_bidder()
    {
        Market market = markets.Market;
        var sessions = new Dictionary<(long Bidder, long Start), (long LastBid, long Count)>();
        foreach (Bid bid in market.Bids)
        {
            FeatureValue[] values = market.Read("q11", bid.Time, Value.Of(bid.Bidder));
            (long count, long start, long last) = (values[0].Scalar.Int64, values[1].Scalar.Bits, values[2].Scalar.Bits);
            if (!sessions.TryGetValue((bid.Bidder, start), out var known) || known.LastBid < last)
            {
                sessions[(bid.Bidder, start)] = (last, count);
            }
        }

        Compare("nexmark_q11.csv.gz", sessions.Select(session => $"{session.Key.Bidder},{session.Value.Count},{Time(session.Key.Start)},{Time(session.Value.LastBid + (10 * Second))}"));
    }

    [Fact]
    public void Q16_statistics_of_every_channel_with_the_classes_of_prices()
    {
        Market market = markets.Market;
        Compare("nexmark_q16.csv.gz", market.Bids.Select(bid => bid.Channel).Distinct().Select(channel =>
        {
            FeatureValue[] values = market.Read("q16", EndOfDay(market), Value.Of(channel));
            string newest = Text(values[0]);
            return $"{channel},{newest[..10]},{newest[11..16]},{string.Join(',', values.Skip(1).Select(Text))}";
        }));
    }

    [Fact]
    public void Q17_statistics_of_every_auction_with_the_classes_of_prices()
    {
        Market market = markets.Market;
        Compare("nexmark_q17.csv.gz", market.Bids.Select(bid => bid.Auction).Distinct().Select(auction =>
        {
            FeatureValue[] values = market.Read("q17", EndOfDay(market), Value.Of(auction));
            values[6] = FeatureValue.Of(Value.Of((long)values[6].Scalar.Double));
            return $"{auction},{Time(market.Bids[0].Time)[..10]},{string.Join(',', values.Select(Text))}";
        }));
    }

    [Fact]
    public void Q18_last_bid_of_every_bidder_on_every_auction()
    {
        Market market = markets.Market;
        Compare("nexmark_q18.csv.gz", market.Bids.Select(bid => (bid.Bidder, bid.Auction)).Distinct()
            .Select(pair => $"{pair.Bidder},{pair.Auction},{string.Join(',', market.Read("q18", EndOfDay(market), Value.Of(pair.Bidder), Value.Of(pair.Auction)).Select(Text))}"));
    }

    [Fact]
    public void Q19_top_ten_bids_of_every_auction()
    {
        Market market = markets.Market;
        Compare("nexmark_q19.csv.gz", market.Bids.Select(bid => bid.Auction).Distinct().SelectMany(auction =>
        {
            FeatureValue[] lists = market.Read("q19", EndOfDay(market), Value.Of(auction));
            return Enumerable.Range(0, lists[0].List!.Length).Select(rank => $"{auction},{rank + 1},{string.Join(',', lists.Select(list => Text(list.List![rank])))}");
        }));
    }

    /// <summary>The ends of all windows, from multiples of an interval, that hold a bid.</summary>
    private static IEnumerable<long> WindowEnds(Market market, long every, long width)
    {
        (long first, long last) = (market.Bids.Min(bid => bid.Time), market.Bids.Max(bid => bid.Time));
        for (long end = (first / every * every) + every; end - width <= last; end += every)
        {
            yield return end;
        }
    }

    private static long EndOfDay(Market market) => (market.Bids[0].Time / Day * Day) + Day - 1;

    private static string Text(FeatureValue value)
    {
        value.Status.ShouldBe(FeatureStatus.Present);
        return Text(value.Scalar);
    }

    private static string Text(Value value) => value.Type == FieldType.Timestamp ? Time(value.Bits) : value.ToString();

    private static string Time(long micros) => DateTimeOffset.UnixEpoch.AddMicroseconds(micros).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static void Compare(string file, IEnumerable<string> rows)
    {
        List<string> found = [.. rows];
        HashSet<string> expected = [.. SharedData.Lines(file).Skip(1)];
        List<string> others = [.. found.Where(row => !expected.Contains(row))];
        List<string> missing = [.. expected.Except(found)];
        TestContext.Current.TestOutputHelper?.WriteLine($"{file}: {expected.Count:N0} rows expected, {found.Count - others.Count:N0} matched, {others.Count:N0} wrong, {missing.Count:N0} missing");
        others.Take(5).ShouldBeEmpty($"{others.Count} of {found.Count} rows are wrong");
        missing.Take(5).ShouldBeEmpty($"{missing.Count} of {expected.Count} rows are missing");
        found.Count.ShouldBe(expected.Count, "a row stands twice");
    }

    /// <summary>Made when the first test asks, so that where the data is absent each test says so.</summary>
    public sealed class OneMarket
    {
        private readonly Lazy<Market> _market = new(() => new Market(), LazyThreadSafetyMode.ExecutionAndPublication);

        internal Market Market
        {
            get
            {
                SharedData.Require(Market.StreamFile);
                return _market.Value;
            }
        }
    }
}
