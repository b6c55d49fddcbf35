using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests;
using OrleansFeatures.Domain.Tests.RealData;
using OrleansFeatures.Gateway.Registry;

namespace OrleansFeatures.Gateway.Tests.Nexmark;

/// <summary>One bid. Times in microseconds.</summary>
internal readonly record struct Bid(long EventId, long Time, long Auction, long Bidder, long Price, string Channel);

/// <summary>
/// The bids of the NEXMark stream, fed in the order of their arrival to what the published definitions (definitions/nexmark) make of them. The bids themselves only say which
/// entities to ask about, and when; every value comes from a feature.
/// </summary>
internal sealed class Market
{
    public const string StreamFile = "nexmark_stream.jsonl.gz";

    private readonly Catalog _catalog;
    private readonly EventFeed _feed;

    public Market()
    {
        DefinitionReading reading = DefinitionReader.Read(DefinitionFolder.Read(SharedData.InProject("definitions/nexmark"), out var errors));
        errors.ShouldBeEmpty();
        reading.Errors.ShouldBeEmpty();
        _catalog = reading.Catalog!;
        _feed = new EventFeed(_catalog);
        Bids = [.. SharedData.JsonLines(StreamFile).Where(json => json.GetProperty("type").GetString() == "bid").Select(json => new Bid(
            json.GetProperty("event_id").GetInt64(),
            SharedData.Time(json.GetProperty("event_time").GetString()!).Micros,
            json.GetProperty("auction").GetInt64(),
            json.GetProperty("bidder").GetInt64(),
            json.GetProperty("price").GetInt64(),
            json.GetProperty("channel").GetString()!))];
        foreach (Bid bid in Bids)
        {
            _feed.Push("bids", Value.Of(bid.EventId), Value.Of(new EventTime(bid.Time)), Value.Of(bid.Auction), Value.Of(bid.Bidder), Value.Of(bid.Price), Value.Of(bid.Channel));
        }
    }

    public Bid[] Bids { get; }

    /// <summary>A query's features of one entity, in the order of its service.</summary>
    public FeatureValue[] Read(string query, long asOfMicros, params ReadOnlySpan<Value> key) =>
        _feed.Read(_catalog.Service(query)!, new EventTime(asOfMicros), key);
}
