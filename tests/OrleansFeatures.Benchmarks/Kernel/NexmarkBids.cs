using System.IO.Compression;
using System.Text.Json;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>One bid of the NEXMark stream.</summary>
internal sealed record NexmarkBid(long Id, long TimeMicros, long ArrivalMicros, long Auction, long Bidder, long Price, string Channel);

/// <summary>The bids of the stream file, in the order of arrival.</summary>
internal static class NexmarkBids
{
    public static string Path { get; } = System.IO.Path.Combine(Places.Root, "..", "shared", "data", "nexmark_stream.jsonl.gz");

    public static List<NexmarkBid> Read()
    {
        var bids = new List<NexmarkBid>();
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Path), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement bid = document.RootElement;
            if (bid.GetProperty("type").GetString() == "bid")
            {
                bids.Add(new NexmarkBid(
                    bid.GetProperty("event_id").GetInt64(), Micros(bid, "event_time"), Micros(bid, "arrival_time"),
                    bid.GetProperty("auction").GetInt64(), bid.GetProperty("bidder").GetInt64(), bid.GetProperty("price").GetInt64(), bid.GetProperty("channel").GetString()!));
            }
        }

        return bids;
    }

    private static long Micros(JsonElement bid, string field) =>
        EventTime.TryParse(bid.GetProperty(field).GetString(), out EventTime time) ? time.Micros : throw new FormatException($"{field} of {bid} is not a time");
}
