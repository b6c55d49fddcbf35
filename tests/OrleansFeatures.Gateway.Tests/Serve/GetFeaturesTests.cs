using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class GetFeaturesTests
{
    private const long Large = (1L << 53) + 1;

    [Fact]
    public async Task Every_kind_of_value_stands_in_its_lane_row_by_row()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = await PushFullRowsAsync(store);
        GetFeaturesRequest request = Clicks.Ask("ada", 100, token, "user_stats:*");
        request.Keys[0].Strings.Add("nobody");
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);

        response.Columns.Select(column => column.Name).ShouldBe([
            "user_stats:n", "user_stats:total", "user_stats:mean", "user_stats:mean_or_zero", "user_stats:top", "user_stats:note",
            "user_stats:ok", "user_stats:seen", "user_stats:notes", "user_stats:amounts", "user_stats:counts"]);
        response.Columns.Select(column => (column.Lane, column.LaneIndex)).ShouldBe([
            (Lane.Int64, 0u), (Lane.Double, 0u), (Lane.Double, 1u), (Lane.Double, 2u), (Lane.Int64, 1u), (Lane.String, 0u),
            (Lane.Int64, 2u), (Lane.Int64, 3u), (Lane.List, 0u), (Lane.List, 1u), (Lane.List, 2u)]);
        response.Columns.Select(column => column.Type).ShouldBe([
            FieldType.Int64, FieldType.Double, FieldType.Double, FieldType.Double, FieldType.Int64, FieldType.String,
            FieldType.Bool, FieldType.Timestamp, FieldType.String, FieldType.Double, FieldType.Int64]);
        FeatureRows rows = response.Rows;
        rows.RowCount.ShouldBe(2u);
        rows.Int64S.ShouldBe([2, Large, 1, Clicks.Midnight + 7, 0, 0, 0, 0]);
        rows.Doubles.ShouldBe([4.5, 2.25, 2.25, 0, 0, 0]);
        rows.Strings.ShouldBe(["zwei", ""]);
        rows.Lists.Select(list => string.Join('|', list.Values)).ShouldBe([
            string.Join('|', Clicks.Of("zwei"), Clicks.Of("one")), string.Join('|', Clicks.Of(1.5), Clicks.Of(3.0)), string.Join('|', Clicks.Of(Large), Clicks.Of(5L)), "", "", ""]);
        rows.Statuses.ToByteArray().Take(11).ShouldAllBe(status => status == (byte)FeatureStatus.Present);
        rows.Statuses.ToByteArray().Skip(11).Select(status => (FeatureStatus)status).ShouldBe([
            FeatureStatus.Present, FeatureStatus.NotFound, FeatureStatus.NotFound, FeatureStatus.Present, FeatureStatus.NotFound, FeatureStatus.NotFound,
            FeatureStatus.NotFound, FeatureStatus.NotFound, FeatureStatus.NotFound, FeatureStatus.NotFound, FeatureStatus.NotFound]);
    }

    [Fact]
    public async Task Statuses_are_left_out_when_every_value_is_present()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = await PushFullRowsAsync(store);
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 100, token, "user_stats:*"), cancellationToken: RunningStore.Cancelled);
        response.Rows.Statuses.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_empty_window_of_a_known_entity_is_null_and_its_count_zero()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = await PushFullRowsAsync(store);
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(
            Clicks.Ask("ada", 2 * 86_400, token, "user_stats:n", "user_stats:mean", "user_stats:mean_or_zero"), cancellationToken: RunningStore.Cancelled);
        response.Rows.Int64S.ShouldBe([0]);
        response.Rows.Doubles.ShouldBe([0, 0]);
        response.Rows.Statuses.ToByteArray().ShouldBe([(byte)FeatureStatus.Present, (byte)FeatureStatus.NullValue, (byte)FeatureStatus.Present]);
    }

    [Fact]
    public async Task One_entity_answers_from_one_state_and_says_how_far_its_stream_has_come()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = await PushFullRowsAsync(store);
        var request = new GetFeaturesRequest { What = Clicks.Service("all"), MinToken = token, AsOfStreamTime = true };
        request.Keys.AddRange([Clicks.Keys("user", "ada", "nobody"), Clicks.Keys("shop", 1, 2)]);
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        response.States.Select(state => (state.Entity, state.StateVersion)).ShouldBe([("user", 2ul), ("shop", 2ul), ("pair", 2ul), ("user", 0ul), ("shop", 0ul), ("pair", 0ul)]);
        response.States[0].LastEventTimeMicros.ShouldBe(Clicks.Midnight + (20 * Clicks.Second));
        response.States[3].LastEventTimeMicros.ShouldBe(0);
        response.States.ShouldAllBe(state => state.CompleteThroughMicros == Clicks.Midnight + (20 * Clicks.Second));
        int n = response.Columns.Single(column => column.Name == "pair_stats:n").LaneIndex is var index ? (int)index : 0;
        response.Rows.Int64S[n].ShouldBe(2);
    }

    [Fact]
    public async Task Each_row_may_have_its_own_instant()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Columns(0, 10), cancellationToken: RunningStore.Cancelled);
        var request = new GetFeaturesRequest { What = Clicks.List("user_stats:n"), MinToken = pushed.Token };
        request.Keys.Add(Clicks.Keys("user", "ada", "ada", "ada"));
        request.AsOfMicros.AddRange([Clicks.Midnight, Clicks.Midnight + (4 * Clicks.Second), Clicks.Midnight - 1]);
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        response.Rows.Int64S.ShouldBe([1, 5, 0]);
    }

    [Fact]
    public async Task An_instant_that_live_state_no_longer_reaches_says_so_and_training_answers_it()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 0)), cancellationToken: RunningStore.Cancelled);
        PushResponse pushed = await store.Ingest.PushAsync(
            Clicks.Rows([.. Enumerable.Range(0, 200).Select(day => Clicks.Row(2 + day, day * 86_400L))]), cancellationToken: RunningStore.Cancelled);
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 0, pushed.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        response.Rows.Statuses.ToByteArray().ShouldBe([(byte)FeatureStatus.OutsideRetention]);
        using var call = store.Features.GetTrainingFeatures(cancellationToken: RunningStore.Cancelled);
        await call.RequestStream.WriteAsync(new TrainingRequest { What = Clicks.List("user_stats:n"), Keys = { Clicks.Keys("user", "ada") }, AsOfMicros = { Clicks.Midnight } }, RunningStore.Cancelled);
        await call.RequestStream.CompleteAsync();
        FeatureRows? rows = null;
        while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
            rows = call.ResponseStream.Current.Rows ?? rows;
        }

        rows!.Int64S.ShouldBe([2]);
        rows.Statuses.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_late_event_is_told_so_and_stays_in_history()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 200 * 86_400L)), cancellationToken: RunningStore.Cancelled);
        await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 0, pushed.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        PushResponse late = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(2, 0)), cancellationToken: RunningStore.Cancelled);
        late.Late.ShouldBe(1ul);
        late.Results.ShouldBe([EventResult.Late]);
        PushResponse again = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(2, 0)), cancellationToken: RunningStore.Cancelled);
        again.Duplicates.ShouldBe(1ul);
    }

    [Fact]
    public async Task A_compact_answer_holds_values_only()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = await PushFullRowsAsync(store);
        GetFeaturesRequest request = Clicks.Ask("ada", 100, token, "user_stats:n");
        request.Compact = true;
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        (response.Columns.Count, response.States.Count, response.Rows.Int64S[0]).ShouldBe((0, 0, 2L));
    }

    [Fact]
    public async Task Integer_keys_may_be_sent_as_text()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = await PushFullRowsAsync(store);
        var request = new GetFeaturesRequest { What = Clicks.List("shop_stats:users"), MinToken = token, Keys = { Clicks.Keys("shop", "1") }, AsOfStreamTime = true };
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled);
        response.Rows.Int64S.ShouldBe([1]);
    }

    /// <summary>Two events of ada in shop 1, with every field filled.</summary>
    internal static async Task<ConsistencyToken> PushFullRowsAsync(RunningStore store)
    {
        var first = new EventRow();
        first.Values.AddRange([
            Clicks.Of(1L), Clicks.At(Clicks.Midnight + (10 * Clicks.Second)), Clicks.Of("ada"), Clicks.Of(1L), Clicks.Of(1.5), Clicks.Of(5L), Clicks.Of("one"), Clicks.Of(false), Clicks.At(5)]);
        var second = new EventRow();
        second.Values.AddRange([
            Clicks.Of(2L), Clicks.At(Clicks.Midnight + (20 * Clicks.Second)), Clicks.Of("ada"), Clicks.Of(1L), Clicks.Of(3.0), Clicks.Of(Large), Clicks.Of("zwei"), Clicks.Of(true), Clicks.At(Clicks.Midnight + 7)]);
        PushResponse response = await store.Ingest.PushAsync(Clicks.Rows(first, second), cancellationToken: RunningStore.Cancelled);
        response.Accepted.ShouldBe(2ul);
        await StreamTimeAsync(store, Clicks.Midnight + (20 * Clicks.Second));
        return response.Token;
    }

    /// <summary>An append is acknowledged before it is applied, and stream time follows what has been applied: reads as of stream time would run ahead of it.</summary>
    private static async Task StreamTimeAsync(RunningStore store, long micros)
    {
        while ((await store.Admin.GetStatusAsync(new GetStatusRequest(), cancellationToken: RunningStore.Cancelled)).Streams.All(stream => stream.StreamTimeMicros < micros))
        {
            await Task.Yield();
        }
    }
}
