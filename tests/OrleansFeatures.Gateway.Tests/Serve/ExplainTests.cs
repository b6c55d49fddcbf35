using System.Net;
using System.Text.Json;
using Grpc.Core;
using OrleansFeatures.Entities.History;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class ExplainTests
{
    [Fact]
    public async Task A_window_of_too_many_events_is_refused_with_what_to_ask_instead_and_holds_nobody_up()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var features = new FeatureService.FeatureServiceClient(store.Channel);
        var request = new ExplainRequest { Feature = "user_stats:n", Keys = { Clicks.Keys("user", "ada") } };
        store.Host.ExplainFailure = new Domain.Explanations.ExplanationTooLongException("user_stats:n", 500_000);
        for (int attempt = 0; attempt < 3; attempt++)
        {
            // As often as explanations may be under way and once more: one that is refused has made room.
            var refused = await Should.ThrowAsync<RpcException>(async () => await features.ExplainAsync(request, cancellationToken: RunningStore.Cancelled));
            (refused.StatusCode, refused.Status.Detail.Contains("holds more than 500000 events", StringComparison.Ordinal)).ShouldBe((StatusCode.FailedPrecondition, true), refused.Status.Detail);
        }

        using HttpResponseMessage response = await store.Http.GetAsync("/features/v1/user/ada/explain?feature=user_stats:n", RunningStore.Cancelled);
        ((int)response.StatusCode).ShouldBe(409);
        store.Host.ExplainFailure = null;
        (await features.ExplainAsync(request, cancellationToken: RunningStore.Cancelled)).Features.Count.ShouldBe(1);
    }

    [Fact]
    public async Task History_that_goes_as_often_as_it_is_read_is_refused_as_what_may_be_asked_again()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.ExplainFailure = new HistoryCutException(new LogTruncatedException(new LogSequence(3), new LogSequence(500)));
        var request = new ExplainRequest { Feature = "user_stats:n", Keys = { Clicks.Keys("user", "ada") } };
        var refused = await Should.ThrowAsync<RpcException>(async () => await new FeatureService.FeatureServiceClient(store.Channel).ExplainAsync(request, cancellationToken: RunningStore.Cancelled));
        (refused.StatusCode, refused.Trailers.GetValue("retry-after-ms")).ShouldBe((StatusCode.Unavailable, $"{Limits.RetryAfterMs}"));
        refused.Status.Detail.ShouldContain("the log begins at sequence 500 now. Ask again");
    }

    [Fact]
    public async Task The_value_its_window_its_events_and_its_definition_are_told()
    {
        await using RunningStore store = await StoreAsync();
        ExplainResponse explained = await ExplainAsync(store, Ask("user_stats:mean", "ada", 86_430));
        ExplainedFeature feature = explained.Features.ShouldHaveSingleItem();
        explained.AsOfMicros.ShouldBe(Clicks.Midnight + (86_430 * Clicks.Second));
        (feature.Column.Name, feature.Value.Scalar.Double, feature.Recomputed.Scalar.Double, feature.Agreement).ShouldBe(("user_stats:mean", 5, 5, Agreement.Agrees));
        feature.Definition.ShouldBe("mean(amount) over 1d of clicks for user (user)");
        (feature.WindowAfterMicros, feature.WindowThroughMicros).ShouldBe((Clicks.Midnight + (30 * Clicks.Second), explained.AsOfMicros));
        feature.Events.Select(told => (told.Id.Int64, told.Excluded, told.Value.Double)).ShouldBe(
            [(5, Exclusion.AfterWindow, 0), (4, Exclusion.NotExcluded, 6), (3, Exclusion.Superseded, 7), (3, Exclusion.NotExcluded, 4), (2, Exclusion.NoValue, 0), (1, Exclusion.BeforeWindow, 0)]);
        feature.Exclusions.Select(count => (count.Reason, count.Events)).ShouldBe([(Exclusion.BeforeWindow, 1), (Exclusion.AfterWindow, 1), (Exclusion.NoValue, 1), (Exclusion.Superseded, 1)]);
        (feature.Contributing, feature.Excluded).ShouldBe((2UL, 4UL));
        feature.State.Entity.ShouldBe("user");
        feature.State.StateVersion.ShouldBe(feature.Events.Max(told => told.Offset) + 1);
        feature.Events.ShouldAllBe(told => told.Partition == feature.Partition);
    }

    [Fact]
    public async Task The_hash_is_the_features_own_and_changes_with_its_filter_but_not_with_its_neighbours()
    {
        string before = await HashAsync(Definitions.Everything);
        (await HashAsync(Definitions.Everything.Replace("{name: top, aggregate: max(count), window: 1d}", "{name: top, aggregate: max(count), window: 2d}", StringComparison.Ordinal))).ShouldBe(before);
        (await HashAsync(Definitions.Everything.Replace("{name: mean, aggregate: mean(amount), window: 1d}", "{name: mean, aggregate: mean(amount), window: 1d, where: ok}", StringComparison.Ordinal))).ShouldNotBe(before);
    }

    [Fact]
    public async Task Rest_tells_the_same_in_json()
    {
        await using RunningStore store = await StoreAsync();
        using HttpResponseMessage answer = await store.Http.GetAsync("/features/v1/user/ada/explain?feature=user_stats:mean&as_of=2018-04-02T00:00:30Z&known_at=2099-01-01T00:00:00Z&events=1", RunningStore.Cancelled);
        string text = await answer.Content.ReadAsStringAsync(RunningStore.Cancelled);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        using var document = JsonDocument.Parse(text);
        document.RootElement.GetProperty("known_at").GetString().ShouldBe("2099-01-01T00:00:00Z");
        JsonElement feature = document.RootElement.GetProperty("features")[0];
        feature.GetProperty("value").GetDouble().ShouldBe(5);
        feature.GetProperty("agreement").GetString().ShouldBe("AGREES");
        feature.GetProperty("window").GetProperty("after").GetString().ShouldBe("2018-04-01T00:00:30Z");
        feature.GetProperty("exclusions").GetProperty("BEFORE_WINDOW").GetInt64().ShouldBe(1);
        feature.GetProperty("events").EnumerateArray().Select(told => (told.GetProperty("id").GetInt64(), told.GetProperty("counts").GetBoolean())).ShouldBe([(4, true), (3, false)]);
        feature.GetProperty("events")[1].GetProperty("superseded_by_sequence").GetInt64().ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("", "ada", StatusCode.InvalidArgument, "name one feature")]
    [InlineData("user_stats:*", "ada", StatusCode.InvalidArgument, "is 11 features; name one")]
    [InlineData("user_stats:maen", "ada", StatusCode.NotFound, "did you mean 'user_stats:mean'?")]
    [InlineData("user_stats:mean", null, StatusCode.InvalidArgument, "needs the key field 'user'")]
    public async Task What_cannot_be_explained_is_refused_with_place_and_fix(string feature, string? user, StatusCode code, string expected)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        RpcException refused = await Should.ThrowAsync<RpcException>(() => ExplainAsync(store, Ask(feature, user, 1)));
        refused.StatusCode.ShouldBe(code);
        refused.Status.Detail.ShouldContain(expected);
    }

    [Fact]
    public async Task More_events_than_the_limit_are_not_listed()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ExplainRequest request = Ask("user_stats:mean", "ada", 1);
        request.EventsMax = Limits.ExplainListMax + 1;
        (await Should.ThrowAsync<RpcException>(() => ExplainAsync(store, request))).Status.Detail.ShouldStartWith("events_max: 10001 events; ask for at most 10000");
    }

    [Fact]
    public async Task Keys_in_a_path_may_hold_slashes_and_be_called_explain()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1, "explain"), Clicks.Row(2, 1, "a/b")), cancellationToken: RunningStore.Cancelled);
        foreach (string key in (string[])["explain", "a%2Fb"])
        {
            using JsonDocument value = JsonDocument.Parse(await store.Http.GetStringAsync($"/features/v1/user/{key}?as_of=stream", RunningStore.Cancelled));
            value.RootElement.GetProperty("features").GetProperty("user_stats:n").GetInt64().ShouldBe(1);
            using JsonDocument explained = JsonDocument.Parse(await store.Http.GetStringAsync($"/features/v1/user/{key}/explain?feature=user_stats:n&as_of=stream", RunningStore.Cancelled));
            explained.RootElement.GetProperty("features")[0].GetProperty("contributing").GetInt64().ShouldBe(1);
        }
    }

    [Fact]
    public async Task An_on_demand_feature_is_explained_with_what_it_is_computed_from()
    {
        string yaml = Definitions.Everything.Replace("feature_services:\n", "on_demand:\n  - {name: ratio, type: double, expr: request.amount / user_stats.mean}\nfeature_services:\n", StringComparison.Ordinal);
        await using RunningStore store = await StoreAsync(yaml);
        ExplainRequest request = Ask("ratio", "ada", 86_430);
        request.Context.Add(new ContextColumn { Field = "amount", Values = new Column { Doubles = { 20 } } });
        ExplainResponse explained = await ExplainAsync(store, request);
        explained.Features.Select(feature => (feature.Column.Name, feature.Value.Scalar.Double, feature.Recomputed.Scalar.Double, feature.Agreement, (int)feature.Contributing)).ShouldBe(
            [("ratio", 4, 4, Agreement.Agrees, 0), ("user_stats:mean", 5, 5, Agreement.Agrees, 2)]);
        explained.Features[0].Definition.ShouldBe("request.amount / user_stats.mean, on demand");
        explained.Features[0].State.ShouldBeNull();
        explained.Features.Select(feature => feature.DefinitionHash.Length).ShouldBe([64, 64]);
    }

    /// <summary>One event before the window, one null, one corrected, one that counts as it is, one after the window.</summary>
    private static async Task<RunningStore> StoreAsync(string yaml = Definitions.Everything)
    {
        RunningStore store = await RunningStore.StartAsync(yaml);
        EventRow valueless = Clicks.Row(2, 40);
        valueless.Values[4] = Clicks.Null();
        PushRequest correction = Clicks.Rows(Clicks.Row(3, 50, amount: 4));
        correction.Operation = Operation.Upsert;
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 30), valueless, Clicks.Row(3, 60, amount: 7), Clicks.Row(4, 70, amount: 6), Clicks.Row(5, 86_431), Clicks.Row(9, 70, "bob")), cancellationToken: RunningStore.Cancelled);
        await store.Ingest.PushAsync(correction, cancellationToken: RunningStore.Cancelled);
        return store;
    }

    private static async Task<string> HashAsync(string yaml)
    {
        await using RunningStore store = await RunningStore.StartAsync(yaml);
        return (await ExplainAsync(store, Ask("user_stats:mean", "ada", 1))).Features[0].DefinitionHash;
    }

    private static ExplainRequest Ask(string feature, string? user, long seconds)
    {
        var request = new ExplainRequest { Feature = feature, AsOfMicros = Clicks.Midnight + (seconds * Clicks.Second) };
        if (user is not null)
        {
            request.Keys.Add(Clicks.Keys("user", user));
        }

        return request;
    }

    private static async Task<ExplainResponse> ExplainAsync(RunningStore store, ExplainRequest request) => await store.Features.ExplainAsync(request, cancellationToken: RunningStore.Cancelled);
}
