using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class GetFeaturesRefusalTests
{
    public static TheoryData<string, StatusCode, string> Broken => new()
    {
        { "service", StatusCode.NotFound, "what.feature_service: there is no feature service 'al'; did you mean 'all'?" },
        { "service version", StatusCode.NotFound, "what.feature_service: there is no feature service 'all@2'" },
        { "feature", StatusCode.NotFound, "what.features: there is no feature 'user_stats:totl'; did you mean 'user_stats:total'?" },
        { "nothing", StatusCode.InvalidArgument, "what: nothing is selected" },
        { "no names", StatusCode.InvalidArgument, "what.features: 0 features are listed" },
        { "missing key", StatusCode.InvalidArgument, "keys.shop: all@1 needs the key field 'shop'; give one column for each of user, shop" },
        { "unknown key", StatusCode.InvalidArgument, "keys.usr: 'usr' is not a key field of all@1; did you mean 'user'?" },
        { "key twice", StatusCode.InvalidArgument, "keys.user: the field is given twice" },
        { "both lists", StatusCode.InvalidArgument, "keys.shop: both `strings` and `int64s` are filled" },
        { "lengths", StatusCode.InvalidArgument, "keys.shop: 1 values where another key field has 2" },
        { "key type", StatusCode.InvalidArgument, "keys.user: row 0: an int64 for a string key field; fill `strings`" },
        { "key text", StatusCode.InvalidArgument, "keys.shop: row 1: 'x' is not an int64" },
        { "empty key", StatusCode.InvalidArgument, "keys.user: row 1: a key of 0 bytes" },
        { "long key", StatusCode.InvalidArgument, "keys.user: row 1: a key of 513 bytes" },
        { "instants", StatusCode.InvalidArgument, "as_of_micros: 3 instants for 2 rows" },
        { "instant", StatusCode.InvalidArgument, "as_of_micros: row 1: -1 is not between 1970-01-01 and 2100-01-01" },
        { "known", StatusCode.InvalidArgument, "known_at_micros: 3 instants for 2 rows; give none (everything known today), one (for all rows), or one per row" },
        { "both times", StatusCode.InvalidArgument, "as_of_stream_time: as_of_micros is given too" },
        { "token lists", StatusCode.InvalidArgument, "min_token: 1 partitions but 0 offsets" },
        { "token partition", StatusCode.InvalidArgument, "min_token: this store has no partition 64" },
        { "wait", StatusCode.InvalidArgument, "max_wait_ms: 3600000 ms is too long" },
        { "rows", StatusCode.InvalidArgument, "keys: 10001 rows in one request; ask for at most 10000 at once" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task A_request_that_cannot_be_answered_names_the_place_and_the_fix(string what, StatusCode code, string message)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Features.GetFeaturesAsync(Break(what), cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(code);
        refused.Status.Detail.ShouldStartWith(message);
    }

    [Fact]
    public async Task A_token_that_does_not_come_true_in_time_fails_with_deadline_exceeded()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1)), cancellationToken: RunningStore.Cancelled);
        for (int index = 0; index < pushed.Token.Offsets.Count; index++)
        {
            pushed.Token.Offsets[index] += 1_000;
        }

        GetFeaturesRequest request = Clicks.Ask("ada", 1, pushed.Token, "user_stats:n");
        request.MaxWaitMs = 30;
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        refused.Status.Detail.ShouldStartWith("min_token: what the token covers was not applied within 30 ms");
    }

    [Fact]
    public async Task A_read_waits_only_for_the_partitions_of_its_own_entities()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1)), cancellationToken: RunningStore.Cancelled);
        var elsewhere = new ConsistencyToken();
        for (uint partition = 0; partition < 64; partition++)
        {
            if (!pushed.Token.Partitions.Contains(partition))
            {
                elsewhere.Partitions.Add(partition);
                elsewhere.Offsets.Add(1_000_000);
            }
        }

        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 1, elsewhere, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        response.Rows.RowCount.ShouldBe(1u);
    }

    private static GetFeaturesRequest Break(string what)
    {
        var request = new GetFeaturesRequest { What = Clicks.Service("all"), Keys = { Clicks.Keys("user", "ada", "bob"), Clicks.Keys("shop", 1, 2) } };
        switch (what)
        {
            case "service":
                request.What = Clicks.Service("al");
                break;
            case "service version":
                request.What = Clicks.Service("all@2");
                break;
            case "feature":
                request.What = Clicks.List("user_stats:n", "user_stats:totl");
                break;
            case "nothing":
                request.What = null;
                break;
            case "no names":
                request.What = Clicks.List();
                break;
            case "missing key":
                request.Keys.RemoveAt(1);
                break;
            case "unknown key":
                request.Keys.Add(Clicks.Keys("usr", "x", "y"));
                break;
            case "key twice":
                request.Keys.Add(Clicks.Keys("user", "x", "y"));
                break;
            case "both lists":
                request.Keys[1].Strings.AddRange(["1", "2"]);
                break;
            case "lengths":
                request.Keys[1].Int64S.RemoveAt(0);
                break;
            case "key type":
                request.Keys[0] = Clicks.Keys("user", 1, 2);
                break;
            case "key text":
                request.Keys[1] = Clicks.Keys("shop", "1", "x");
                break;
            case "empty key":
                request.Keys[0].Strings[1] = "";
                break;
            case "long key":
                request.Keys[0].Strings[1] = new string('k', 513);
                break;
            case "instants":
                request.AsOfMicros.AddRange([1, 2, 3]);
                break;
            case "known":
                request.KnownAtMicros.AddRange([1, 2, 3]);
                break;
            case "instant":
                request.AsOfMicros.AddRange([1, -1]);
                break;
            case "both times":
                request.AsOfMicros.Add(1);
                request.AsOfStreamTime = true;
                break;
            case "token lists":
                request.MinToken = new ConsistencyToken { Partitions = { 0 } };
                break;
            case "token partition":
                request.MinToken = new ConsistencyToken { Partitions = { 64 }, Offsets = { 0 } };
                break;
            case "wait":
                request.MinToken = new ConsistencyToken { Partitions = { 0 }, Offsets = { 0 } };
                request.MaxWaitMs = 3_600_000;
                break;
            default:
                request.What = Clicks.List("user_stats:n");
                request.Keys.Clear();
                request.Keys.Add(Clicks.Keys("user", [.. Enumerable.Range(0, 10_001).Select(row => $"u{row}")]));
                break;
        }

        return request;
    }
}
