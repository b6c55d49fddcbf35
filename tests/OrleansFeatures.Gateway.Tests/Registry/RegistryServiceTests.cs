using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

public sealed class RegistryServiceTests
{
    private static readonly string WithMinute = Definitions.Everything.Replace(
        "      - {name: total,", "      - {name: n_1m, aggregate: count, window: 1m}\n      - {name: total,", StringComparison.Ordinal);

    /// <summary>Another first column, so that every plan made before it would read the wrong ones.</summary>
    private static readonly string OtherColumns = Definitions.Everything.Replace(
        "      - {name: n, aggregate: count, window: 1d}\n      - {name: total,",
        "      - {name: first_seen, aggregate: first(seen), window: 1d}\n      - {name: n, aggregate: count, window: 1d}\n      - {name: total,",
        StringComparison.Ordinal);

    private static readonly string Breaking = Definitions.Everything.Replace("{name: n, aggregate: count, window: 1h}", "{name: n, aggregate: count, window: 2h}", StringComparison.Ordinal);

    [Fact]
    public async Task A_new_feature_is_planned_applied_and_knows_all_of_history()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Columns(0, 100), cancellationToken: RunningStore.Cancelled);
        PlanResponse plan = await store.Registry.PlanAsync(new PlanRequest { Files = { FileOf(WithMinute) } }, cancellationToken: RunningStore.Cancelled);
        plan.Verdict.ShouldBe(Compatibility.Compatible);
        plan.Changes.ShouldContain(change => change.Detail == "feature n_1m added");
        ApplyResponse applied = await store.Registry.ApplyAsync(new ApplyRequest { Files = { FileOf(WithMinute) }, BaseHash = plan.BaseHash }, cancellationToken: RunningStore.Cancelled);
        applied.RecordsReplayed.ShouldBe(300ul);
        applied.Plan.Hash.ShouldBe(plan.Hash);
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 99, pushed.Token, "user_stats:n_1m", "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Int64S.ShouldBe([60, 100]);
        await store.RestartAsync();
        features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 99, null, "user_stats:n_1m"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Int64S.ShouldBe([60]);
        PlanResponse again = await store.Registry.PlanAsync(new PlanRequest { Files = { FileOf(WithMinute) } }, cancellationToken: RunningStore.Cancelled);
        again.Verdict.ShouldBe(Compatibility.Identical);
    }

    [Fact]
    public async Task A_read_that_definitions_overtake_is_resolved_again_and_right()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        PushResponse pushed = await new IngestService.IngestServiceClient(store.Channel).PushAsync(Clicks.Columns(0, 100), cancellationToken: RunningStore.Cancelled);
        var registry = new RegistryService.RegistryServiceClient(store.Channel);
        bool overtaken = false;
        store.Host.BeforeNextRead = async () =>
        {
            await registry.ApplyAsync(new ApplyRequest { Files = { FileOf(OtherColumns) } }, cancellationToken: RunningStore.Cancelled);
            overtaken = true;
        };
        GetFeaturesResponse features = await new FeatureService.FeatureServiceClient(store.Channel).GetFeaturesAsync(
            Clicks.Ask("ada", 99, pushed.Token, "user_stats:*"), cancellationToken: RunningStore.Cancelled);
        overtaken.ShouldBeTrue();
        features.Columns[0].Name.ShouldBe("user_stats:first_seen");
        features.Rows.Int64S.Take(3).ShouldBe([0, 100, 1]);
        features.Rows.Doubles.ShouldBe([100, 1, 1]);
    }

    [Fact]
    public async Task A_breaking_apply_and_one_on_another_base_are_refused_with_the_fix()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var apply = new ApplyRequest { Files = { FileOf(Breaking) } };
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Registry.ApplyAsync(apply, cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.FailedPrecondition);
        refused.Status.Detail.ShouldStartWith("files: breaking: feature view shop_stats@1: feature n: window 1h -> 2h; leave version 1 as it is");
        apply.BaseHash = "0000";
        apply.AllowBreaking = true;
        refused = await Should.ThrowAsync<RpcException>(async () => await store.Registry.ApplyAsync(apply, cancellationToken: RunningStore.Cancelled));
        refused.Status.Detail.ShouldStartWith("base_hash: the live definitions have changed");
        apply.BaseHash = "";
        ApplyResponse applied = await store.Registry.ApplyAsync(apply, cancellationToken: RunningStore.Cancelled);
        applied.Plan.Verdict.ShouldBe(Compatibility.Breaking);
    }

    [Theory]
    [InlineData("seen: timestamp}", "seen: timestamp, city: string}")]
    [InlineData(", seen: timestamp}", "}")]
    [InlineData("amount: double,", "amount: int64,")]
    public async Task A_schema_version_that_history_is_written_in_cannot_change_even_with_leave_to_break(string before, string after)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        string yaml = Definitions.Everything.Replace(before, after, StringComparison.Ordinal).Replace("      - {name: seen, aggregate: last(seen), window: 1d}\n", "", StringComparison.Ordinal);
        var apply = new ApplyRequest { Files = { FileOf(yaml) }, AllowBreaking = true };
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Columns(0, 10), cancellationToken: RunningStore.Cancelled);

        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Registry.ApplyAsync(apply, cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.FailedPrecondition);
        refused.Status.Detail.ShouldBe("files: history holds 10 events of stream 'clicks', and version 1 says how to read them; leave version 1 as it is and define the next version beside it");
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 9, pushed.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Int64S.ShouldBe([10]);

        await using RunningStore empty = await RunningStore.StartAsync();
        (await empty.Registry.ApplyAsync(apply, cancellationToken: RunningStore.Cancelled)).Plan.Verdict.ShouldBe(Compatibility.Breaking);
    }

    [Fact]
    public async Task The_key_of_an_entity_that_history_is_filed_under_cannot_change_even_with_leave_to_break()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var apply = new ApplyRequest { Files = { FileOf(Definitions.Everything.Replace("key: [user]}", "key: [shop]}", StringComparison.Ordinal)) }, AllowBreaking = true };
        await store.Ingest.PushAsync(Clicks.Columns(0, 10), cancellationToken: RunningStore.Cancelled);

        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Registry.ApplyAsync(apply, cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.FailedPrecondition);
        refused.Status.Detail.ShouldBe("files: history holds 10 events of stream 'clicks', filed under today's key of entity 'user'; leave the entity as it is and define another with the new key beside it");

        await using RunningStore empty = await RunningStore.StartAsync();
        (await empty.Registry.ApplyAsync(apply, cancellationToken: RunningStore.Cancelled)).Plan.Verdict.ShouldBe(Compatibility.Breaking);
    }

    [Fact]
    public async Task Wrong_definitions_are_planned_with_their_errors_and_never_applied()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        DefinitionFile wrong = FileOf(Definitions.Everything.Replace("sum(amount)", "sum(amont)", StringComparison.Ordinal));
        PlanResponse plan = await store.Registry.PlanAsync(new PlanRequest { Files = { wrong } }, cancellationToken: RunningStore.Cancelled);
        plan.Errors.ShouldHaveSingleItem().Suggestion.ShouldContain("amount");
        plan.Errors[0].Line.ShouldBe(19u);
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Registry.ApplyAsync(new ApplyRequest { Files = { wrong } }, cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.InvalidArgument);
        refused.Status.Detail.ShouldContain("everything.yaml:19:");
    }

    [Fact]
    public async Task Definitions_are_listed_and_found_by_name_and_version()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ListDefinitionsResponse all = await store.Registry.ListAsync(new ListDefinitionsRequest(), cancellationToken: RunningStore.Cancelled);
        all.Definitions.Select(definition => definition.Kind).Distinct().ShouldBe(["stream", "entity", "feature_view", "feature_service"]);
        all.Definitions.Count.ShouldBe(1 + 3 + 3 + 2);
        Definition service = await store.Registry.GetAsync(new GetDefinitionRequest { Kind = "feature_service", Name = "user_only@1" }, cancellationToken: RunningStore.Cancelled);
        service.FeatureService.Features.ShouldBe(["user_stats:n", "user_stats:total"]);
        service.FeatureService.KeyFields.ShouldBe(["user"]);
        Definition view = await store.Registry.GetAsync(new GetDefinitionRequest { Kind = "feature_view", Name = "user_stats" }, cancellationToken: RunningStore.Cancelled);
        Feature notes = view.FeatureView.Features.Single(feature => feature.Name == "notes");
        (notes.List, notes.Type, notes.WindowMicros).ShouldBe((true, FieldType.String, 86_400_000_000L));
        Definition stream = await store.Registry.GetAsync(new GetDefinitionRequest { Kind = "stream", Name = "clicks" }, cancellationToken: RunningStore.Cancelled);
        stream.Stream.Fields.Select(field => field.Name).ShouldBe(["id", "at", "user", "shop", "amount", "count", "note", "ok", "seen"]);
        (stream.Stream.EventId, stream.Stream.EventTime).ShouldBe(("id", "at"));
        stream.Yaml.ShouldContain("event_id: id");
        (await Should.ThrowAsync<RpcException>(async () => await store.Registry.GetAsync(new GetDefinitionRequest { Kind = "stream", Name = "click" }, cancellationToken: RunningStore.Cancelled)))
            .Status.Detail.ShouldBe("name: there is no stream 'click'; did you mean 'clicks'?");
        (await Should.ThrowAsync<RpcException>(async () => await store.Registry.GetAsync(new GetDefinitionRequest { Kind = "steam", Name = "x" }, cancellationToken: RunningStore.Cancelled)))
            .Status.Detail.ShouldBe("kind: there is no kind 'steam'; did you mean 'stream'?");
    }

    [Fact]
    public async Task A_view_of_every_window_is_applied_to_a_running_store_and_answers_from_history()
    {
        const string windows =
            """
              - name: windows
                entity: user
                stream: clicks
                allowed_lateness: 7d
                features:
                  - {name: day, aggregate: count, window: {tumbling: 1d}}
                  - {name: zurich_day, aggregate: count, window: {tumbling: 1d, time_zone: Europe/Zurich}}
                  - {name: zurich_week, aggregate: count, window: {tumbling: week, time_zone: Europe/Zurich}}
                  - {name: zurich_month, aggregate: count, window: {tumbling: month, time_zone: Europe/Zurich}}
                  - {name: visit, aggregate: count, window: {session: 30m}}
                  - {name: last_3, aggregate: sum(count), window: {last: 3}}
                  - {name: ever, aggregate: sum(count), window: lifetime}
                  - {name: yesterday, aggregate: count, window: {tumbling: 1d}, delay: 1d}
                  - {name: shops, aggregate: sum(count), window: {tumbling: 1d}, by: shop, accuracy: {exact_for: 2d, hop: 5m}}

            """;
        await using RunningStore store = await RunningStore.StartAsync();

        // Midnight is two o'clock in Zurich, on Sunday the 1st of April.
        PushResponse pushed = await store.Ingest.PushAsync(
            Clicks.Rows(Clicks.Row(1, -7_300), Clicks.Row(2, -7_100), Clicks.Row(3, 0), Clicks.Row(4, 10, shop: 2, count: 5), Clicks.Row(5, 4_000, count: 7), Clicks.Row(6, 4_010, count: 9)), cancellationToken: RunningStore.Cancelled);
        string yaml = Definitions.Everything.Replace("feature_services:\n", windows + "feature_services:\n", StringComparison.Ordinal);
        await store.Registry.ApplyAsync(new ApplyRequest { Files = { FileOf(yaml) } }, cancellationToken: RunningStore.Cancelled);
        for (int round = 0; round < 2; round++)
        {
            GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 4_010, pushed.Token, "windows:*"), cancellationToken: RunningStore.Cancelled);
            features.Rows.Int64S.ShouldBe([4, 5, 6, 5, 2, 21, 24, 0]);
            features.Rows.Maps.ShouldHaveSingleItem().Keys.Select(key => key.Int64).ShouldBe([1, 2]);
            features.Rows.Maps[0].Values.Select(value => value.Int64).ShouldBe([17, 5]);
            await store.RestartAsync();
        }

        Definition view = await store.Registry.GetAsync(new GetDefinitionRequest { Kind = "feature_view", Name = "windows" }, cancellationToken: RunningStore.Cancelled);
        view.FeatureView.Features.Select(feature => feature.Window).Distinct().ShouldBe(["tumbling 1d UTC", "tumbling 1d Europe/Zurich", "tumbling week Europe/Zurich", "tumbling month Europe/Zurich", "session 30m max 1d", "last 3", "lifetime"]);
    }

    private static DefinitionFile FileOf(string yaml) => new() { Name = "everything.yaml", Content = yaml };
}
