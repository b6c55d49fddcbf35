using System.Text;
using System.Text.Json;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Ingest;

/// <summary>Upserts and deletes as the wire says them, and what reads make of them. How they are resolved is intake's own tests' matter.</summary>
public sealed class CorrectionTests
{
    [Fact]
    public async Task A_push_may_mix_operations_and_each_takes_effect_in_its_order()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1, amount: 1), Clicks.Row(2, 2, amount: 2), Clicks.Row(3, 3, amount: 4)), cancellationToken: RunningStore.Cancelled);
        PushRequest push = Clicks.Rows(Clicks.Row(1, 1, amount: 8), Clicks.Row(2, 2), Clicks.Row(2, 2, amount: 16), Clicks.Row(3, 3, amount: 4), Clicks.Row(4, 4, amount: 32));
        push.OperationOfEvent.AddRange([Operation.Upsert, Operation.Delete, Operation.Insert, Operation.Upsert, Operation.Upsert]);
        PushResponse pushed = await store.Ingest.PushAsync(push, cancellationToken: RunningStore.Cancelled);
        pushed.Results.ShouldBe([EventResult.Accepted, EventResult.Accepted, EventResult.Duplicate, EventResult.Duplicate, EventResult.Accepted]);
        (pushed.Accepted, pushed.Duplicates).ShouldBe((3ul, 2ul));
        (await TotalAsync(store, "ada", pushed.Token)).ShouldBe(8 + 4 + 32);
    }

    [Fact]
    public async Task A_delete_needs_the_event_id_and_nothing_else()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Columns(0, 3), cancellationToken: RunningStore.Cancelled);
        var push = new PushRequest { Stream = "clicks", Operation = Operation.Delete, Columns = new ColumnEvents { Count = 2 } };
        push.FieldNames.Add("id");
        push.Columns.Columns.Add(new Column { Int64S = { 0, 2 } });
        PushResponse pushed = await store.Ingest.PushAsync(push, cancellationToken: RunningStore.Cancelled);
        pushed.Accepted.ShouldBe(2ul);
        (await TotalAsync(store, "ada", pushed.Token)).ShouldBe(1);

        PushRequest garbage = Clicks.Rows(Clicks.Row(1, 1));
        garbage.Rows.Rows[0].Values[1] = Clicks.Of("yesterday");
        garbage.Rows.Rows[0].Values[4] = Clicks.Of("much");
        garbage.Operation = Operation.Delete;
        pushed = await store.Ingest.PushAsync(garbage, cancellationToken: RunningStore.Cancelled);
        pushed.Results.ShouldBeEmpty("a delete reads the id only, so nothing else of it can be wrong");
        (await TotalAsync(store, "ada", pushed.Token)).ShouldBe(0);
    }

    [Fact]
    public async Task A_delete_without_an_id_is_refused_with_the_field()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushRequest push = Clicks.Rows(Clicks.Row(1, 1));
        push.Rows.Rows[0].Values[0] = Clicks.Null();
        push.Operation = Operation.Delete;
        PushResponse pushed = await store.Ingest.PushAsync(push, cancellationToken: RunningStore.Cancelled);
        (pushed.Quarantined, pushed.Refusals[0].Field).ShouldBe((1ul, "id"));
        ListQuarantineResponse kept = await store.Admin.ListQuarantineAsync(new ListQuarantineRequest(), cancellationToken: RunningStore.Cancelled);
        kept.Events[0].EventJson.ShouldStartWith("{\"@op\":\"delete\",\"id\":null,");
    }

    [Fact]
    public async Task An_upsert_moves_an_event_to_another_entity_and_known_at_still_sees_where_it_was()
    {
        await using RunningStore store = await RunningStore.StartAsync(backfillProducers: "*");
        PushRequest first = Clicks.Columns(0, 1);
        first.ArrivalTimeMicros.Add(Clicks.Midnight + Clicks.Second);
        await store.Ingest.PushAsync(first, cancellationToken: RunningStore.Cancelled);
        PushRequest second = Clicks.Columns(0, 1, user: "bob");
        second.Operation = Operation.Upsert;
        second.ArrivalTimeMicros.Add(Clicks.Midnight + (10 * Clicks.Second));
        PushResponse pushed = await store.Ingest.PushAsync(second, cancellationToken: RunningStore.Cancelled);

        GetFeaturesRequest ask = Clicks.Ask("ada", 60, pushed.Token, "user_stats:n");
        ask.Keys[0].Strings.AddRange(["ada", "bob", "bob"]);
        ask.KnownAtMicros.AddRange([Clicks.Midnight + (5 * Clicks.Second), long.MaxValue, Clicks.Midnight + (5 * Clicks.Second), long.MaxValue]);
        GetFeaturesResponse read = await store.Features.GetFeaturesAsync(ask, cancellationToken: RunningStore.Cancelled);
        read.Rows.Int64S.ShouldBe([1, 0, 0, 1]);
    }

    [Fact]
    public async Task Over_a_stream_an_event_and_its_correction_keep_their_order()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using var call = store.Ingest.PushStream(cancellationToken: RunningStore.Cancelled);
        for (int round = 0; round < 20; round++)
        {
            PushRequest push = Clicks.Rows(Clicks.Row(7, 1, amount: round));
            push.Operation = round % 2 == 0 ? Operation.Upsert : Operation.Delete;
            await call.RequestStream.WriteAsync(push, RunningStore.Cancelled);
        }

        PushRequest last = Clicks.Rows(Clicks.Row(7, 1, amount: 100));
        last.Operation = Operation.Upsert;
        await call.RequestStream.WriteAsync(last, RunningStore.Cancelled);
        await call.RequestStream.CompleteAsync();
        PushResponse? answer = null;
        while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
            answer = call.ResponseStream.Current;
            answer.Accepted.ShouldBe(1ul);
        }

        (await TotalAsync(store, "ada", answer!.Token)).ShouldBe(100);
    }

    [Fact]
    public async Task Rest_says_it_for_the_request_or_in_the_event()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Columns(0, 3), cancellationToken: RunningStore.Cancelled);
        (await PostAsync(store, "?op=delete", "{\"id\":0}")).ShouldBe("ACCEPTED");
        (await PostAsync(store, "?op=delete", "{\"id\":0}")).ShouldBe("DUPLICATE");
        (await PostAsync(store, "?op=delete", "{\"@op\":\"upsert\",\"id\":1,\"at\":\"2018-04-01T00:00:05Z\",\"user\":\"ada\",\"shop\":1,\"amount\":10}")).ShouldBe("ACCEPTED");
        pushed = await store.Ingest.PushAsync(Clicks.Columns(2, 1), cancellationToken: RunningStore.Cancelled);
        (await TotalAsync(store, "ada", pushed.Token)).ShouldBe(11);
    }

    private static async Task<string?> PostAsync(RunningStore store, string query, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await store.Http.PostAsync("/events/v1/clicks" + query, content, RunningStore.Cancelled);
        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(RunningStore.Cancelled));
        return answer.RootElement.GetProperty("results")[0].GetProperty("result").GetString();
    }

    private static async Task<double> TotalAsync(RunningStore store, string user, ConsistencyToken token)
    {
        GetFeaturesResponse read = await store.Features.GetFeaturesAsync(Clicks.Ask(user, 3_600, token, "user_stats:total"), cancellationToken: RunningStore.Cancelled);
        return read.Rows.Doubles[0];
    }
}
